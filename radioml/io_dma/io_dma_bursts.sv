// The bursts of a transfer, one after the other: each within BEATS beats, within 4 KiB pages, and within the transfer.
module io_dma_bursts #(
	int unsigned  BYTES,      // of a beat, a power of two
	int unsigned  BEATS,      // of the longest burst
	int unsigned  SIZE_BITS   // of the transfer's size
)(
	input	logic  clk,
	input	logic  rst_n,

	input	logic  start,                  // for one cycle: take a transfer
	input	logic [63:0]  address,         // a multiple of BYTES
	input	logic [SIZE_BITS-1:0]  size,   // in bytes; the last beat may hold fewer

	output	logic  valid,                  // there is a burst
	input	logic  ready,                  // it is taken
	output	logic [63:0]  at,
	output	logic [8:0]  beats,
	output	logic  last                    // it is the last of the transfer
);
	localparam int unsigned  PAGE = 4096 / BYTES;  // beats
	localparam int unsigned  SHIFT = $clog2(BYTES);

	logic [63:0]  At = 'x;
	logic [SIZE_BITS:0]  Left = 0;  // beats
	uwire [12-SHIFT:0]  page = (13 - SHIFT)'(PAGE - At[11:SHIFT]);  // beats to the page's end
	uwire [8:0]  most = page < BEATS? 9'(page) : 9'(BEATS);
	assign	last = Left <= most;
	assign	beats = last? 9'(Left) : most;
	assign	at = At;
	assign	valid = Left != 0;
	always_ff @(posedge clk) begin
		if(!rst_n)  Left <= 0;
		else if(start)  Left <= ((SIZE_BITS + 1)'(size) + (BYTES - 1)) >> SHIFT;
		else if(valid && ready)  Left <= Left - beats;
		if(start)  At <= address;
		else if(valid && ready)  At <= At + (64'(beats) << SHIFT);
	end

endmodule : io_dma_bursts
