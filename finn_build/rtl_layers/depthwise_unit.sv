// Depthwise convolution of windows: one word of a window a cycle, PE channels times SIMD pixels of the kernel.
//
// The window of an output pixel comes in GROUPS groups of PE channels, WORDS words each. Element s x PE + c of a word is
// pixel s of channel c. The products lie in DSPs or in LUTs. The PE sums of a group leave $clog2(SIMD) + 3 cycles after its last word.
module depthwise_unit #(
	int unsigned  GROUPS,
	int unsigned  WORDS,
	int unsigned  PE,
	int unsigned  SIMD,
	int unsigned  IN_WIDTH,      // bits of an element
	bit           IN_SIGNED,     // two's complement
	int unsigned  WEIGHT_WIDTH,  // bits of a weight, two's complement
	int unsigned  OUT_WIDTH,     // bits of a sum
	bit           DSP,           // products in DSPs
	parameter     WEIGHTS,       // file of GROUPS x WORDS words for $readmemh, each with the weights of a word's elements

	localparam int unsigned  IN_BITS  = 8*((PE*SIMD*IN_WIDTH + 7)/8),
	localparam int unsigned  OUT_BITS = 8*((PE*OUT_WIDTH     + 7)/8)
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

	localparam int unsigned  DEPTH  = GROUPS*WORDS;
	localparam int unsigned  LEVELS = $clog2(SIMD);  // of the adder tree
	typedef logic [OUT_WIDTH-1:0]  sum_t;

	// All registers stall while a result waits to be taken.
	logic  Valid = 0;
	uwire  moves = !Valid || m_axis_tready;
	assign	s_axis_tready = moves;

	// Words and their weights
	logic [PE*SIMD*WEIGHT_WIDTH-1:0]  Memory[DEPTH];
	initial  $readmemh(WEIGHTS, Memory);
	logic [$clog2(DEPTH + 1)-1:0]  Address = 0;
	logic [$clog2(WORDS + 1)-1:0]  Count = 0;
	logic [PE*SIMD*WEIGHT_WIDTH-1:0]  Weights = 'x;
	logic [PE*SIMD*IN_WIDTH-1:0]      Word = 'x;

	// Of each stage: whether it holds a word, and the word's place in its window.
	logic [LEVELS+1:0]  Holds = 0, First = 'x, Last = 'x;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n) begin
			Address <= 0;
			Count <= 0;
			Holds <= 0;
		end
		else if(moves) begin
			Holds <= {Holds[LEVELS:0], s_axis_tvalid};
			if(s_axis_tvalid) begin
				Address <= Address == DEPTH-1? 0 : Address + 1;
				Count <= Count == WORDS-1? 0 : Count + 1;
			end
		end
		if(moves) begin
			First <= {First[LEVELS:0], Count == 0};
			Last  <= {Last [LEVELS:0], Count == WORDS-1};
			Weights <= Memory[Address];
			Word <= s_axis_tdata[PE*SIMD*IN_WIDTH-1:0];
		end
	end

	// Products, and their sums over SIMD
	sum_t  totals[PE];
	for(genvar  c = 0; c < PE; c++) begin : genChannels
		sum_t  Tree[LEVELS+1][2**LEVELS];
		for(genvar  s = 0; s < 2**LEVELS; s++) begin : genProducts
			if(s < SIMD) begin : genUsed
				uwire [IN_WIDTH-1:0]  x = Word[(s*PE + c)*IN_WIDTH +: IN_WIDTH];
				uwire signed [IN_WIDTH:0]  factor = IN_SIGNED? $signed({x[IN_WIDTH-1], x}) : $signed({1'b0, x});
				uwire signed [WEIGHT_WIDTH-1:0]  weight = Weights[(s*PE + c)*WEIGHT_WIDTH +: WEIGHT_WIDTH];
				if(DSP) begin : genDsp
					(* use_dsp = "yes" *)
					logic signed [IN_WIDTH+WEIGHT_WIDTH:0]  Product = 'x;
					always_ff @(posedge ap_clk)  if(moves)  Product <= factor * weight;
					assign	Tree[0][s] = OUT_WIDTH'(Product);
				end : genDsp
				else begin : genLuts
					(* use_dsp = "no" *)
					logic signed [IN_WIDTH+WEIGHT_WIDTH:0]  Product = 'x;
					always_ff @(posedge ap_clk)  if(moves)  Product <= factor * weight;
					assign	Tree[0][s] = OUT_WIDTH'(Product);
				end : genLuts
			end : genUsed
			else  assign  Tree[0][s] = 0;
		end : genProducts
		for(genvar  level = 1; level <= LEVELS; level++) begin : genLevels
			for(genvar  s = 0; s < 2**(LEVELS - level); s++) begin : genSums
				always_ff @(posedge ap_clk) begin
					if(moves)  Tree[level][s] <= Tree[level-1][2*s] + Tree[level-1][2*s + 1];
				end
			end : genSums
		end : genLevels
		assign	totals[c] = Tree[LEVELS][0];
	end : genChannels

	// Sums over the words of a window
	logic [PE-1:0][OUT_WIDTH-1:0]  Sums = 'x;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)   Valid <= 0;
		else if(moves)  Valid <= Holds[LEVELS+1] && Last[LEVELS+1];
		if(moves && Holds[LEVELS+1]) begin
			for(int unsigned  c = 0; c < PE; c++)  Sums[c] <= totals[c] + (First[LEVELS+1]? sum_t'(0) : Sums[c]);
		end
	end
	assign	m_axis_tdata = OUT_BITS'(Sums);
	assign	m_axis_tvalid = Valid;

endmodule : depthwise_unit
