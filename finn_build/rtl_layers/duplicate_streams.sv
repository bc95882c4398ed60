// Gives each word to N streams: one word a cycle.
//
// Each stream takes the word when it is ready. The input's word is accepted when the last stream takes it.
module duplicate_streams #(
	int unsigned  N,           // streams
	int unsigned  PE,          // elements of a word
	int unsigned  WIDTH,       // bits of an element

	localparam int unsigned  STREAM_BITS = 8*((PE*WIDTH + 7)/8)
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	input	logic [STREAM_BITS-1:0]  s_axis_tdata,
	input	logic  s_axis_tvalid,
	output	logic  s_axis_tready,

	output	logic [N-1:0][STREAM_BITS-1:0]  m_axis_tdata,
	output	logic [N-1:0]  m_axis_tvalid,
	input	logic [N-1:0]  m_axis_tready
);

	logic [N-1:0]  Taken = 0;  // by which streams the word was taken in an earlier cycle
	uwire [N-1:0]  taken = Taken | m_axis_tready;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)  Taken <= 0;
		else if(s_axis_tvalid)  Taken <= &taken? 0 : taken;
	end
	assign	s_axis_tready = &taken;
	assign	m_axis_tdata = {N{s_axis_tdata}};
	assign	m_axis_tvalid = {N{s_axis_tvalid}} & ~Taken;

endmodule : duplicate_streams
