// Sums over the pixels of a frame, channel by channel: one word a cycle in, one pixel of sums out for every frame.
//
// Sums leave while the last pixel comes in. Under back pressure only the words of that pixel wait.
module accumulate_pool #(
	int unsigned  PIXELS,      // of a frame
	int unsigned  WORDS,       // of a pixel
	int unsigned  PE,          // elements of a word, the first in the lowest bits
	int unsigned  IN_WIDTH,    // bits of an element
	bit           IN_SIGNED,   // two's complement
	int unsigned  OUT_WIDTH,   // bits of a sum

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

	typedef logic [PE-1:0][OUT_WIDTH-1:0]  sums_t;

	logic [$clog2(WORDS  + 1)-1:0]  Word  = 0;
	logic [$clog2(PIXELS + 1)-1:0]  Pixel = 0;
	uwire  first = Pixel == 0;
	uwire  last  = Pixel == PIXELS-1;

	sums_t  Sums[WORDS];  // over the pixels before
	sums_t  sums;         // with the word at the input
	for(genvar  i = 0; i < PE; i++) begin : genElements
		uwire [IN_WIDTH-1:0]  x = s_axis_tdata[i*IN_WIDTH +: IN_WIDTH];
		assign	sums[i] = (first? OUT_WIDTH'(0) : Sums[Word][i]) + (IN_SIGNED? OUT_WIDTH'($signed(x)) : OUT_WIDTH'(x));
	end : genElements

	sums_t  Result = 'x;
	logic   Valid = 0;
	assign	s_axis_tready = !last || !Valid || m_axis_tready;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n) begin
			Word  <= 0;
			Pixel <= 0;
			Valid <= 0;
		end
		else begin
			if(s_axis_tready)  Valid <= last? s_axis_tvalid : Valid && !m_axis_tready;
			if(s_axis_tvalid && s_axis_tready) begin
				Word <= Word == WORDS-1? 0 : Word + 1;
				if(Word == WORDS-1)  Pixel <= last? 0 : Pixel + 1;
			end
		end
		if(s_axis_tvalid && s_axis_tready) begin
			if(last)  Result <= sums;
			else      Sums[Word] <= sums;
		end
	end
	assign	m_axis_tdata = OUT_BITS'(Result);
	assign	m_axis_tvalid = Valid;

endmodule : accumulate_pool
