// Joins N streams channel by channel: of each pixel all words of stream 0, then all of stream 1 ...; one word a cycle.
module stream_concat #(
	int unsigned  N,                // streams
	int unsigned  SIMD,             // elements of a word, the first in the lowest bits
	bit [N-1:0][31:0]  WORDS,       // of a pixel, in each stream
	bit [N-1:0][31:0]  WIDTHS,      // bits of an element, in each stream
	bit [N-1:0]        IS_SIGNED,   // two's complement
	int unsigned  OUT_WIDTH,        // bits of an element that is given

	localparam int unsigned  IN_BITS  = offset(N),
	localparam int unsigned  OUT_BITS = 8*((SIMD*OUT_WIDTH + 7)/8)
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	input	logic [IN_BITS-1:0]  s_axis_tdata,
	input	logic [N-1:0]  s_axis_tvalid,
	output	logic [N-1:0]  s_axis_tready,

	output	logic [OUT_BITS-1:0]  m_axis_tdata,
	output	logic  m_axis_tvalid,
	input	logic  m_axis_tready
);

	// Lowest bit of stream n among the streams side by side.
	function automatic int unsigned offset(input int unsigned  n);
		offset = 0;
		for(int unsigned  i = 0; i < n; i++)  offset += 8*((SIMD*WIDTHS[i] + 7)/8);
	endfunction : offset

	typedef logic [SIMD-1:0][OUT_WIDTH-1:0]  word_t;
	word_t  words[N];
	for(genvar  n = 0; n < N; n++) begin : genStreams
		localparam int unsigned  BEGINS = offset(n);
		for(genvar  i = 0; i < SIMD; i++) begin : genElements
			uwire [WIDTHS[n]-1:0]  x = s_axis_tdata[BEGINS + i*WIDTHS[n] +: WIDTHS[n]];
			assign	words[n][i] = IS_SIGNED[n]? OUT_WIDTH'($signed(x)) : OUT_WIDTH'(x);
		end : genElements
	end : genStreams

	logic [$clog2(N+1)-1:0]  Stream = 0;  // that the next word comes from
	logic [31:0]  Count = 0;              // words of the pixel that came from it
	word_t  Word = 'x;
	logic   Valid = 0;
	uwire  free = !Valid || m_axis_tready;
	uwire  last = Count == WORDS[Stream] - 1;
	for(genvar  n = 0; n < N; n++)  assign  s_axis_tready[n] = free && Stream == n;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n) begin
			Stream <= 0;
			Count <= 0;
			Valid <= 0;
		end
		else if(free) begin
			Valid <= s_axis_tvalid[Stream];
			if(s_axis_tvalid[Stream]) begin
				Count <= last? 0 : Count + 1;
				if(last)  Stream <= Stream == N-1? 0 : Stream + 1;
			end
		end
		if(free)  Word <= words[Stream];
	end
	assign	m_axis_tdata = OUT_BITS'(Word);
	assign	m_axis_tvalid = Valid;

endmodule : stream_concat
