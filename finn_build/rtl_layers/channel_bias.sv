// Adds a constant to each channel of a stream. A frame has WORDS words of PE channels; one word a cycle.
module channel_bias #(
	int unsigned  WORDS,       // words a frame
	int unsigned  PE,          // elements of a word, the first in the lowest bits
	int unsigned  IN_WIDTH,    // bits of an element
	bit           IN_SIGNED,   // two's complement
	int unsigned  OUT_WIDTH,   // bits of a sum
	bit [WORDS-1:0][PE-1:0][OUT_WIDTH-1:0]  BIASES,  // the first channel's in the lowest bits

	localparam int unsigned  IN_BITS  = 8*((PE*IN_WIDTH  + 7)/8),
	localparam int unsigned  OUT_BITS = 8*((PE*OUT_WIDTH + 7)/8)
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	input	logic [IN_BITS-1:0]  s_axis_tdata,
	input	logic  s_axis_tvalid,
	output	logic  s_axis_tready,

	output	logic [OUT_BITS-1:0]  m_axis_tdata,
	output	logic  m_axis_tvalid,
	input	logic  m_axis_tready
);

	uwire [PE-1:0][OUT_WIDTH-1:0]  biases;  // of the word at the input
	if(WORDS == 1)  assign  biases = BIASES[0];
	else begin : genTable
		logic [$clog2(WORDS)-1:0]  Word = 0;
		always_ff @(posedge ap_clk) begin
			if(!ap_rst_n)  Word <= 0;
			else if(s_axis_tvalid && s_axis_tready)  Word <= Word == WORDS-1? 0 : Word + 1;
		end
		assign	biases = BIASES[Word];
	end : genTable

	logic [PE-1:0][OUT_WIDTH-1:0]  Sums = 'x;
	logic  Valid = 0;
	assign	s_axis_tready = !Valid || m_axis_tready;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)  Valid <= 0;
		else if(s_axis_tready)  Valid <= s_axis_tvalid;
		if(s_axis_tready) begin
			for(int unsigned  i = 0; i < PE; i++) begin
				automatic logic [IN_WIDTH-1:0]  x = s_axis_tdata[i*IN_WIDTH +: IN_WIDTH];
				Sums[i] <= biases[i] + (IN_SIGNED? OUT_WIDTH'($signed(x)) : OUT_WIDTH'(x));
			end
		end
	end
	assign	m_axis_tdata = OUT_BITS'(Sums);
	assign	m_axis_tvalid = Valid;

endmodule : channel_bias
