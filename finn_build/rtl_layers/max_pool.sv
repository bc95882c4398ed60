// Maximum of each K successive words, element by element: one word in a cycle, one word out for every K.
//
// The last word of a window goes to the output register, the other words to a second register. So the next window begins
// while the result waits to be taken. Under back pressure only the last word of a window waits.
module max_pool #(
	int unsigned  K,           // words of a window
	int unsigned  PE,          // elements of a word, the first in the lowest bits
	int unsigned  WIDTH,       // bits of an element
	bit           IS_SIGNED,   // two's complement

	localparam int unsigned  STREAM_BITS = 8*((PE*WIDTH + 7)/8)
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	input	logic [STREAM_BITS-1:0]  s_axis_tdata,
	input	logic  s_axis_tvalid,
	output	logic  s_axis_tready,

	output	logic [STREAM_BITS-1:0]  m_axis_tdata,
	output	logic  m_axis_tvalid,
	input	logic  m_axis_tready
);

	typedef logic [PE-1:0][WIDTH-1:0]  word_t;

	logic  first, last;  // the next word's place in its window
	if(K == 1) begin : genSingle
		assign	first = 1;
		assign	last = 1;
	end : genSingle
	else begin : genWindow
		logic [$clog2(K)-1:0]  Count = 0;
		always_ff @(posedge ap_clk) begin
			if(!ap_rst_n)  Count <= 0;
			else if(s_axis_tvalid && s_axis_tready)  Count <= last? 0 : Count + 1;
		end
		assign	first = Count == 0;
		assign	last = Count == K-1;
	end : genWindow

	word_t  Highest = 'x;  // of the window's words before
	word_t  highest;       // with the word at the input
	for(genvar  i = 0; i < PE; i++) begin : genElements
		uwire [WIDTH-1:0]  x = s_axis_tdata[i*WIDTH +: WIDTH];
		uwire  above;
		if(IS_SIGNED)  assign  above = $signed(x) > $signed(Highest[i]);
		else           assign  above = x > Highest[i];
		assign	highest[i] = first || above? x : Highest[i];
	end : genElements

	word_t  Result = 'x;
	logic   Valid = 0;
	assign	s_axis_tready = !last || !Valid || m_axis_tready;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)  Valid <= 0;
		else if(s_axis_tready)  Valid <= last? s_axis_tvalid : Valid && !m_axis_tready;
		if(s_axis_tvalid && s_axis_tready) begin
			if(last)  Result <= highest;
			else      Highest <= highest;
		end
	end
	assign	m_axis_tdata = STREAM_BITS'(Result);
	assign	m_axis_tvalid = Valid;

endmodule : max_pool
