// What came in LENGTH moves ago. A short line is a chain of flip-flops, whose reset keeps a synthesiser from making a
// LUT a bit of them: LUTs are what a unit has few of. A long line is a memory and an address that goes round: each move
// reads the oldest word and puts the newest in its place.
module delay_line #(
	int unsigned  LENGTH,   // moves, at least 2
	int unsigned  WIDTH
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,
	input	logic  move,
	input	logic [WIDTH-1:0]  newest,
	output	logic [WIDTH-1:0]  oldest
);
	if(LENGTH < 16) begin : genShifts
		logic [WIDTH-1:0]  Line[LENGTH];
		always_ff @(posedge ap_clk) begin
			if(!ap_rst_n)  Line <= '{default: '0};
			else if(move) begin
				Line[0] <= newest;
				for(int unsigned  i = 1; i < LENGTH; i++)  Line[i] <= Line[i-1];
			end
		end
		assign	oldest = Line[LENGTH-1];
	end : genShifts
	else begin : genMemory
		localparam int unsigned  WORDS = LENGTH - 1;   // the word that was read is one more

		logic [WIDTH-1:0]  Memory[WORDS];
		logic [WIDTH-1:0]  Oldest;
		logic [$clog2(WORDS)-1:0]  At = 0;
		always_ff @(posedge ap_clk) begin
			if(move) begin
				Oldest <= Memory[At];
				Memory[At] <= newest;
				At <= At == WORDS-1? '0 : At + 1;
			end
		end
		assign	oldest = Oldest;
	end : genMemory

endmodule : delay_line
