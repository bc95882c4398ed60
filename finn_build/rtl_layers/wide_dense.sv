// A dense layer with weights of many bits: PE sums of SIMD products a cycle, of exact integers.
//
// A frame has WORDS words of SIMD inputs. Its sums leave in GROUPS words of PE sums. The inputs are taken for the first
// word of sums and stored for the others, so a frame takes GROUPS x WORDS cycles. A weight is cut into limbs of LIMB bits,
// and a DSP multiplies each limb. A word of sums leaves five cycles after its last products began.
module wide_dense #(
	int unsigned  WORDS,
	int unsigned  GROUPS,
	int unsigned  PE,
	int unsigned  SIMD,
	int unsigned  IN_WIDTH,      // bits of an input
	bit           IN_SIGNED,     // two's complement
	int unsigned  WEIGHT_WIDTH,  // bits of a weight, two's complement
	int unsigned  LIMB,
	int unsigned  OUT_WIDTH,     // bits of a sum
	parameter     WEIGHTS,       // file of GROUPS x WORDS words for $readmemh; weight e x SIMD + i is of output e, input i

	localparam int unsigned  IN_BITS  = 8*((SIMD*IN_WIDTH + 7)/8),
	localparam int unsigned  OUT_BITS = 8*((PE*OUT_WIDTH  + 7)/8)
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

	localparam int unsigned  DEPTH = GROUPS*WORDS;
	localparam int unsigned  LIMBS = (WEIGHT_WIDTH + LIMB - 1)/LIMB;
	localparam int unsigned  STAGES = 4;  // up to a word's total
	typedef logic signed [OUT_WIDTH-1:0]  sum_t;

	// All registers stall while a result waits to be taken.
	logic  Valid = 0;
	uwire  moves = !Valid || m_axis_tready;

	// Words of inputs and their weights
	logic [$clog2(GROUPS + 1)-1:0]  Group   = 0;
	logic [$clog2(WORDS  + 1)-1:0]  Count   = 0;
	logic [$clog2(DEPTH  + 1)-1:0]  Address = 0;
	uwire  fresh = Group == 0;
	uwire  begins = !fresh || s_axis_tvalid;
	assign	s_axis_tready = moves && fresh;

	logic [STAGES-1:0]  Holds = 0, First = 'x, Last = 'x;  // of each stage: whether it holds a word, and its place
	logic [SIMD*IN_WIDTH-1:0]         Inputs[WORDS];
	logic [PE*SIMD*WEIGHT_WIDTH-1:0]  Memory[DEPTH];
	initial  $readmemh(WEIGHTS, Memory);
	logic [SIMD*IN_WIDTH-1:0]         Word = 'x;
	logic [PE*SIMD*WEIGHT_WIDTH-1:0]  Weights = 'x;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n) begin
			Group <= 0;
			Count <= 0;
			Address <= 0;
			Holds <= 0;
		end
		else if(moves) begin
			Holds <= {Holds[STAGES-2:0], begins};
			if(begins) begin
				Address <= Address == DEPTH-1? 0 : Address + 1;
				Count <= Count == WORDS-1? 0 : Count + 1;
				if(Count == WORDS-1)  Group <= Group == GROUPS-1? 0 : Group + 1;
			end
		end
		if(moves) begin
			First <= {First[STAGES-2:0], Count == 0};
			Last  <= {Last [STAGES-2:0], Count == WORDS-1};
			Weights <= Memory[Address];
			Word <= fresh? s_axis_tdata[SIMD*IN_WIDTH-1:0] : Inputs[Count];
			if(fresh)  Inputs[Count] <= s_axis_tdata[SIMD*IN_WIDTH-1:0];
		end
	end

	sum_t  totals[PE];
	for(genvar  e = 0; e < PE; e++) begin : genOutputs
		sum_t  products[SIMD];
		for(genvar  i = 0; i < SIMD; i++) begin : genProducts
			uwire [IN_WIDTH-1:0]  x = Word[i*IN_WIDTH +: IN_WIDTH];
			uwire signed [IN_WIDTH:0]  factor = IN_SIGNED? $signed({x[IN_WIDTH-1], x}) : $signed({1'b0, x});
			uwire signed [LIMBS*LIMB:0]  weight = $signed(Weights[(e*SIMD + i)*WEIGHT_WIDTH +: WEIGHT_WIDTH]);
			sum_t  Limbs[LIMBS];
			for(genvar  l = 0; l < LIMBS; l++) begin : genLimbs
				// All limbs but the highest are without sign.
				uwire signed [LIMB:0]  limb = l == LIMBS-1? weight[l*LIMB +: LIMB+1] : $signed({1'b0, weight[l*LIMB +: LIMB]});
				logic signed [IN_WIDTH+LIMB+1:0]  Product = 'x;
				always_ff @(posedge ap_clk)  if(moves)  Product <= factor * limb;
				assign	Limbs[l] = sum_t'(Product) <<< l*LIMB;
			end : genLimbs
			sum_t  Sum = 'x;
			always_ff @(posedge ap_clk) begin
				if(moves) begin
					automatic sum_t  sum = 0;
					for(int unsigned  l = 0; l < LIMBS; l++)  sum += Limbs[l];
					Sum <= sum;
				end
			end
			assign	products[i] = Sum;
		end : genProducts
		sum_t  Total = 'x;
		always_ff @(posedge ap_clk) begin
			if(moves) begin
				automatic sum_t  total = 0;
				for(int unsigned  i = 0; i < SIMD; i++)  total += products[i];
				Total <= total;
			end
		end
		assign	totals[e] = Total;
	end : genOutputs

	// Sums over the words of a frame
	logic [PE-1:0][OUT_WIDTH-1:0]  Sums = 'x;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)   Valid <= 0;
		else if(moves)  Valid <= Holds[STAGES-1] && Last[STAGES-1];
		if(moves && Holds[STAGES-1]) begin
			for(int unsigned  e = 0; e < PE; e++)  Sums[e] <= totals[e] + (First[STAGES-1]? sum_t'(0) : Sums[e]);
		end
	end
	assign	m_axis_tdata = OUT_BITS'(Sums);
	assign	m_axis_tvalid = Valid;

endmodule : wide_dense
