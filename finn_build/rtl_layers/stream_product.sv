// a x b of two streams, element by element: one word a cycle, latency three cycles.
module stream_product #(
	int unsigned  PE,          // elements of a word, the first in the lowest bits
	int unsigned  A_WIDTH,     // bits of an element of stream 0
	bit           A_SIGNED,    // two's complement
	int unsigned  B_WIDTH,     // the same of stream 1
	bit           B_SIGNED,

	localparam int unsigned  OUT_WIDTH = A_WIDTH + B_WIDTH,
	localparam int unsigned  A_BITS   = 8*((PE*A_WIDTH   + 7)/8),
	localparam int unsigned  B_BITS   = 8*((PE*B_WIDTH   + 7)/8),
	localparam int unsigned  OUT_BITS = 8*((PE*OUT_WIDTH + 7)/8)
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	input	logic [B_BITS+A_BITS-1:0]  s_axis_tdata,
	input	logic [1:0]  s_axis_tvalid,
	output	logic [1:0]  s_axis_tready,

	output	logic [OUT_BITS-1:0]  m_axis_tdata,
	output	logic  m_axis_tvalid,
	input	logic  m_axis_tready
);

	// All registers stall while a result waits to be taken.
	logic [2:0]  Valid = 0;
	uwire  moves = !Valid[2] || m_axis_tready;
	assign	s_axis_tready = {moves && s_axis_tvalid[0], moves && s_axis_tvalid[1]};
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)   Valid <= 0;
		else if(moves)  Valid <= {Valid[1:0], &s_axis_tvalid};
	end

	logic [PE-1:0][OUT_WIDTH-1:0]  Products = 'x;
	for(genvar  i = 0; i < PE; i++) begin : genElements
		uwire [A_WIDTH-1:0]  a = s_axis_tdata[i*A_WIDTH +: A_WIDTH];
		uwire [B_WIDTH-1:0]  b = s_axis_tdata[A_BITS + i*B_WIDTH +: B_WIDTH];
		logic signed [A_WIDTH:0]  A = 'x;  // as taken, with a sign
		logic signed [B_WIDTH:0]  B = 'x;
		logic [OUT_WIDTH-1:0]  P = 'x;
		always_ff @(posedge ap_clk) begin
			if(moves) begin
				A <= {A_SIGNED && a[A_WIDTH-1], a};
				B <= {B_SIGNED && b[B_WIDTH-1], b};
				P <= A * B;
				Products[i] <= P;
			end
		end
	end : genElements
	assign	m_axis_tdata = OUT_BITS'(Products);
	assign	m_axis_tvalid = Valid[2];

endmodule : stream_product
