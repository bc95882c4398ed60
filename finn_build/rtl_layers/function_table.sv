// A function of each element by a table: one word a cycle, latency two cycles.
//
// Line k of the file TABLE has the results of all elements of a word for an element whose bits are k as an unsigned number.
// The lines for the next word of a pixel follow, unless all channels have one function.
module function_table #(
	int unsigned  WORDS,       // of a pixel that have functions of their own; 1 where all have the same
	int unsigned  PE,          // elements of a word, the first in the lowest bits
	int unsigned  IN_WIDTH,    // bits of an element
	int unsigned  OUT_WIDTH,   // bits of a result
	parameter     TABLE,       // file of words of PE results in hexadecimal

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

	localparam int unsigned  ADDRESS_BITS = $clog2(WORDS) + IN_WIDTH;
	logic [PE-1:0][OUT_WIDTH-1:0]  Memory[WORDS*2**IN_WIDTH];
	initial  $readmemh(TABLE, Memory);

	// Both registers stall while a result waits to be taken.
	logic [1:0]  Valid = 0;
	uwire  moves = !Valid[1] || m_axis_tready;
	assign	s_axis_tready = moves;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)   Valid <= 0;
		else if(moves)  Valid <= {Valid[0], s_axis_tvalid};
	end

	logic [ADDRESS_BITS-1:0]  first;  // address of the functions of the word at the input
	if(WORDS == 1)  assign  first = 0;
	else begin : genWords
		logic [$clog2(WORDS)-1:0]  Word = 0;
		always_ff @(posedge ap_clk) begin
			if(!ap_rst_n)  Word <= 0;
			else if(s_axis_tvalid && s_axis_tready)  Word <= Word == WORDS-1? 0 : Word + 1;
		end
		assign	first = {Word, IN_WIDTH'(0)};
	end : genWords

	logic [PE-1:0][OUT_WIDTH-1:0]  Results = 'x;
	for(genvar  i = 0; i < PE; i++) begin : genElements
		logic [ADDRESS_BITS-1:0]  Address = 'x;
		always_ff @(posedge ap_clk) begin
			if(moves) begin
				Address <= first | s_axis_tdata[i*IN_WIDTH +: IN_WIDTH];
				Results[i] <= Memory[Address][i];
			end
		end
	end : genElements
	assign	m_axis_tdata = OUT_BITS'(Results);
	assign	m_axis_tvalid = Valid[1];

endmodule : function_table
