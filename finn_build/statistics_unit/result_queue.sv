// Keeps the results of frames until they are taken. Whoever fills it sees to it that at most FRAMES frames are inside.
module result_queue #(
	int unsigned  WIDTH,     // of a result
	int unsigned  RESULTS,   // of a frame
	int unsigned  FRAMES,

	localparam int unsigned  STREAM_BITS = 8*((WIDTH + 7)/8)
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	input	logic  give,
	input	logic [WIDTH-1:0]  result,

	output	logic [STREAM_BITS-1:0]  m_axis_tdata,
	output	logic  m_axis_tvalid,
	input	logic  m_axis_tready,
	output	logic  left              // a frame's last result leaves
);
	localparam int unsigned  BITS = $clog2(RESULTS*FRAMES);

	logic [WIDTH-1:0]  Memory[2**BITS];
	logic [BITS-1:0]  Write = 0, Read = 0;
	logic [$clog2(RESULTS)-1:0]  Position = 0;
	logic [BITS:0]  Fill = 0;

	uwire  taken = m_axis_tvalid && m_axis_tready;
	uwire  last = Position == RESULTS-1;
	assign	m_axis_tvalid = Fill != 0;
	assign	m_axis_tdata = STREAM_BITS'(Memory[Read]);
	assign	left = taken && last;

	always_ff @(posedge ap_clk) begin
		if(give)  Memory[Write] <= result;
		if(!ap_rst_n) begin
			Write <= 0;
			Read <= 0;
			Position <= 0;
			Fill <= 0;
		end
		else begin
			Write <= Write + give;
			Read <= Read + taken;
			Fill <= Fill + give - taken;
			if(taken)  Position <= last? '0 : Position + 1;
		end
	end

endmodule : result_queue
