// Gives slots to the beats of frames: BEATS with a word each, then FILLERS without one, a word of zeros in each cycle.
//
// A frame is let in while fewer than IN_FLIGHT frames have not left with all their results. After a reset come fillers
// too, under numbers that no frame has, so that the delay lines behind the gate are empty.
module frame_gate #(
	int unsigned  BITS,       // of a word
	int unsigned  BEATS,
	int unsigned  FILLERS,
	int unsigned  SLOT_BITS,
	int unsigned  IN_FLIGHT
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	input	logic [BITS-1:0]  s_axis_tdata,
	input	logic  s_axis_tvalid,
	output	logic  s_axis_tready,

	output	logic  tick,                   // a slot's cycle
	output	logic [SLOT_BITS-1:0]  slot,   // its number
	output	logic [BITS-1:0]  word,
	input	logic  left                    // a frame's last result leaves
);
	localparam int unsigned  LAST = BEATS + FILLERS - 1;

	logic [SLOT_BITS-1:0]  Slot = SLOT_BITS'(LAST + 1);
	logic [$clog2(IN_FLIGHT+1)-1:0]  Inside = 0;

	uwire  filler = Slot >= BEATS;
	uwire  open = Slot != 0 || Inside != IN_FLIGHT;
	assign	s_axis_tready = ap_rst_n && !filler && open;
	assign	tick = ap_rst_n && (filler || (s_axis_tvalid && open));
	assign	slot = Slot;
	assign	word = filler? '0 : s_axis_tdata;

	uwire  enters = tick && Slot == 0;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n) begin
			Slot <= FILLERS? SLOT_BITS'(LAST + 1) : '0;
			Inside <= 0;
		end
		else begin
			if(tick)  Slot <= Slot == LAST || Slot == LAST + FILLERS? '0 : Slot + 1;
			Inside <= Inside + enters - left;
		end
	end

endmodule : frame_gate
