// First in, first out: DEPTH words in distributed RAM. The user sees to it that it neither overflows nor runs dry.
module io_dma_queue #(
	int unsigned  BITS,
	int unsigned  DEPTH,  // a power of two

	localparam int unsigned  INDEX_BITS = $clog2(DEPTH)
)(
	input	logic  clk,
	input	logic  clear,

	input	logic  put,
	input	logic [BITS-1:0]  in,
	input	logic  take,
	output	logic [BITS-1:0]  out,         // the oldest word
	output	logic [INDEX_BITS:0]  level    // words in the queue
);
	logic [BITS-1:0]  Words[DEPTH];
	logic [INDEX_BITS:0]  Puts = 0, Takes = 0;

	always_ff @(posedge clk) begin
		if(put)  Words[Puts[INDEX_BITS-1:0]] <= in;
		Puts <= clear? 0 : Puts + put;
		Takes <= clear? 0 : Takes + take;
	end
	assign	out = Words[Takes[INDEX_BITS-1:0]];
	assign	level = Puts - Takes;

endmodule : io_dma_queue
