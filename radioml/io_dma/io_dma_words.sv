// Cuts a stream of bytes into words of another width, the first byte in the lowest bits.
//
// Where one width divides the other, the wider side of the stream moves without a pause.
module io_dma_words #(
	int unsigned  IN,   // bytes of a word that comes
	int unsigned  OUT   // bytes of a word that is given
)(
	input	logic  clk,
	input	logic  clear,  // forget all bytes
	input	logic  flush,  // no word will come: give what is left as a last word, filled up with any bytes

	input	logic [8*IN-1:0]  in,
	input	logic  in_valid,
	output	logic  in_ready,
	output	logic [8*OUT-1:0]  out,
	output	logic  out_valid,
	input	logic  out_ready
);
	function automatic int unsigned gcd(input int unsigned  a, input int unsigned  b);
		while(b != 0) begin
			automatic int unsigned  rest = a % b;
			a = b;
			b = rest;
		end
		return  a;
	endfunction : gcd

	// All is counted in units: the largest pieces that words of both widths are made of.
	localparam int unsigned  UNIT = gcd(IN, OUT);
	localparam int unsigned  A = IN / UNIT;
	localparam int unsigned  B = OUT / UNIT;
	typedef logic [A-1:0][8*UNIT-1:0]  in_t;
	typedef logic [A+B-1:0][8*UNIT-1:0]  units_t;
	typedef logic [$clog2(A+B+1)-1:0]  count_t;

	units_t  Units = 'x;
	count_t  Count = 0;
	uwire  put = in_valid && in_ready;
	uwire  take = out_valid && out_ready;
	uwire count_t  left = !take? Count : Count > B? count_t'(Count - B) : 0;
	units_t  next;
	always_comb begin
		next = take? Units >> 8*OUT : Units;
		if(put) begin
			for(int unsigned  at = 0; at <= B; at++)  if(left == at)  next[at +: A] = in_t'(in);
		end
	end
	always_ff @(posedge clk) begin
		Units <= next;
		Count <= clear? 0 : left + (put? count_t'(A) : 0);
	end
	assign	in_ready = Count <= B;
	assign	out_valid = Count >= B || (flush && Count != 0);
	assign	out = Units[B-1:0];

endmodule : io_dma_words
