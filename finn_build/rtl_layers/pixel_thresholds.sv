// The level of each element: how many of its channel's thresholds it reaches. One word a cycle, latency 2*OUT_WIDTH cycles.
//
// Each of the first FIRST and of the last LAST pixels of a frame has a set of thresholds. All other pixels share one set. A
// level is found bit by bit, the highest bit first: stage s compares with one of 2**s thresholds. The file of element e and
// stage s is THRESHOLDS followed by "_e_s.dat". It has the stage's thresholds set by set, in a set word by word.
module pixel_thresholds #(
	int unsigned  PIXELS,           // pixels of a frame
	int unsigned  WORDS,            // words of a pixel
	int unsigned  PE,               // elements of a word, the first in the lowest bits
	int unsigned  FIRST,
	int unsigned  LAST,
	int unsigned  IN_WIDTH,         // bits of an element
	bit           IN_SIGNED,        // two's complement
	int unsigned  THRESHOLD_WIDTH,  // bits of a threshold, two's complement
	int unsigned  OUT_WIDTH,        // bits of a level
	parameter     THRESHOLDS,

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

	localparam int unsigned  SETS  = FIRST + (PIXELS > FIRST + LAST? 1 : 0) + LAST;
	localparam int unsigned  FOLDS = SETS*WORDS;
	localparam int unsigned  DEPTH = 2*OUT_WIDTH;  // registers of the pipeline
	localparam int unsigned  WIDTH = THRESHOLD_WIDTH > IN_WIDTH? THRESHOLD_WIDTH : IN_WIDTH + 1;
	typedef logic [$clog2(FOLDS + 1)-1:0]  fold_t;

	// All registers stall while a result waits to be taken.
	logic [DEPTH-1:0]  Valid = 0;
	uwire  moves = !Valid[DEPTH-1] || m_axis_tready;
	assign	s_axis_tready = moves;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)   Valid <= 0;
		else if(moves)  Valid <= {Valid[DEPTH-2:0], s_axis_tvalid};
	end

	// Place of the word at the input, and the word of a set that it is compared with
	logic [$clog2(PIXELS + 1)-1:0]  Pixel = 0;
	logic [$clog2(WORDS  + 1)-1:0]  Word  = 0;
	fold_t  Fold = 0;
	uwire  last_word  = Word  == WORDS-1;
	uwire  last_pixel = Pixel == PIXELS-1;
	uwire  stays = Pixel >= FIRST && Pixel + LAST + 1 < PIXELS;  // The next pixel has the same set.
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n) begin
			Pixel <= 0;
			Word <= 0;
			Fold <= 0;
		end
		else if(moves && s_axis_tvalid) begin
			Word <= last_word? 0 : Word + 1;
			Fold <= Fold + 1;
			if(last_word) begin
				Pixel <= last_pixel? 0 : Pixel + 1;
				if(last_pixel)  Fold <= 0;
				else if(stays)  Fold <= Fold - fold_t'(WORDS - 1);
			end
		end
	end

	fold_t  Folds[DEPTH];
	always_ff @(posedge ap_clk) begin
		if(moves) begin
			Folds[0] <= Fold;
			for(int unsigned  i = 1; i < DEPTH; i++)  Folds[i] <= Folds[i-1];
		end
	end

	for(genvar  e = 0; e < PE; e++) begin : genElements
		uwire [IN_WIDTH-1:0]  x = s_axis_tdata[e*IN_WIDTH +: IN_WIDTH];
		logic signed [WIDTH-1:0]  X[DEPTH];
		logic [OUT_WIDTH-1:0]     Level[DEPTH];
		for(genvar  s = 0; s < OUT_WIDTH; s++) begin : genStages
			logic signed [THRESHOLD_WIDTH-1:0]  Memory[FOLDS*2**s];
			initial  $readmemh($sformatf("%s_%0d_%0d.dat", THRESHOLDS, e, s), Memory);

			logic signed [THRESHOLD_WIDTH-1:0]  Threshold = 'x;
			if(s == 0) begin : genFirst
				always_ff @(posedge ap_clk) begin
					if(moves) begin
						Threshold <= Memory[Fold];
						X[0] <= IN_SIGNED? WIDTH'($signed(x)) : WIDTH'(x);
						Level[0] <= 0;
					end
				end
			end : genFirst
			else begin : genOthers
				always_ff @(posedge ap_clk) begin
					if(moves) begin
						Threshold <= Memory[Folds[2*s-1]*2**s + Level[2*s-1]];
						X[2*s] <= X[2*s-1];
						Level[2*s] <= Level[2*s-1];
					end
				end
			end : genOthers
			always_ff @(posedge ap_clk) begin
				if(moves) begin
					X[2*s+1] <= X[2*s];
					Level[2*s+1] <= {Level[2*s], X[2*s] >= Threshold};
				end
			end
		end : genStages
		assign	m_axis_tdata[e*OUT_WIDTH +: OUT_WIDTH] = Level[DEPTH-1];
	end : genElements
	if(OUT_BITS > PE*OUT_WIDTH)  assign  m_axis_tdata[OUT_BITS-1:PE*OUT_WIDTH] = 0;
	assign	m_axis_tvalid = Valid[DEPTH-1];

endmodule : pixel_thresholds
