// A_FACTOR x a + B_FACTOR x b of two streams, element by element: one word a cycle, latency three cycles.
module stream_sum #(
	int unsigned  PE,          // elements of a word, the first in the lowest bits
	int unsigned  A_WIDTH,     // bits of an element of stream 0
	bit           A_SIGNED,    // two's complement
	int signed    A_FACTOR,
	int unsigned  B_WIDTH,     // the same of stream 1
	bit           B_SIGNED,
	int signed    B_FACTOR,
	int unsigned  OUT_WIDTH,   // bits of a sum

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

	typedef logic [PE-1:0][OUT_WIDTH-1:0]  word_t;

	// All registers stall while a result waits to be taken.
	logic [2:0]  Valid = 0;
	uwire  moves = !Valid[2] || m_axis_tready;
	assign	s_axis_tready = {moves && s_axis_tvalid[0], moves && s_axis_tvalid[1]};
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)   Valid <= 0;
		else if(moves)  Valid <= {Valid[1:0], &s_axis_tvalid};
	end

	word_t  A0 = 'x, B0 = 'x;  // as taken
	word_t  A1 = 'x, B1 = 'x;  // times their factors
	word_t  Sums = 'x;
	always_ff @(posedge ap_clk) begin
		if(moves) begin
			for(int unsigned  i = 0; i < PE; i++) begin
				automatic logic [A_WIDTH-1:0]  a = s_axis_tdata[i*A_WIDTH +: A_WIDTH];
				automatic logic [B_WIDTH-1:0]  b = s_axis_tdata[A_BITS + i*B_WIDTH +: B_WIDTH];
				A0[i] <= A_SIGNED? OUT_WIDTH'($signed(a)) : OUT_WIDTH'(a);
				B0[i] <= B_SIGNED? OUT_WIDTH'($signed(b)) : OUT_WIDTH'(b);
				A1[i] <= A0[i] * OUT_WIDTH'(A_FACTOR);
				B1[i] <= B0[i] * OUT_WIDTH'(B_FACTOR);
				Sums[i] <= A1[i] + B1[i];
			end
		end
	end
	assign	m_axis_tdata = OUT_BITS'(Sums);
	assign	m_axis_tvalid = Valid[2];

endmodule : stream_sum
