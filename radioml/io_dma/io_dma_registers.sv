// Control registers of an I/O DMA engine, an AXI4-Lite slave: those of a Vitis HLS kernel (ap_ctrl_hs), and ERRORS.
//
//	00  CONTROL  bit 0 start, until the transfer ends; 1 done, 2 idle, 3 ready: done and ready are cleared by reading
//	10  ADDRESS  of the buffer, bits 31:0
//	14  ADDRESS  bits 63:32
//	1C  FRAMES   of the next transfer
//	28  ERRORS   of the last transfer: bit 0 SLVERR, 1 DECERR, 2 the address is no multiple of the memory port's bytes
//
// Other registers read 0. A transfer takes its address and frames when it is started.
module io_dma_registers #(
	int unsigned  BYTES,        // of a beat of the memory port, a power of two
	int unsigned  FRAME_BYTES,

	localparam int unsigned  SIZE_BITS = 32 + $clog2(FRAME_BYTES + 1)
)(
	input	logic  clk,
	input	logic  rst_n,

	input	logic [5:0]  awaddr,
	input	logic  awvalid,
	output	logic  awready,
	input	logic [31:0]  wdata,
	input	logic [3:0]  wstrb,
	input	logic  wvalid,
	output	logic  wready,
	output	logic [1:0]  bresp,
	output	logic  bvalid,
	input	logic  bready,
	input	logic [5:0]  araddr,
	input	logic  arvalid,
	output	logic  arready,
	output	logic [31:0]  rdata,
	output	logic [1:0]  rresp,
	output	logic  rvalid,
	input	logic  rready,

	output	logic  start,                 // for one cycle: a transfer begins
	output	logic [63:0]  address,
	output	logic [SIZE_BITS-1:0]  size,  // in bytes, 0 where the address is refused
	input	logic  done,                  // for one cycle: it has ended
	input	logic  answered,              // the memory answers
	input	logic [1:0]  response         // what it answers
);
	localparam bit [3:0]  CONTROL = 4'h0, LOW = 4'h4, HIGH = 4'h5, FRAMES = 4'h7, ERRORS = 4'hA;

	logic [63:0]  Address = 0;
	logic [31:0]  Frames = 0;
	logic  Start = 0;    // for one cycle
	logic  Running = 0;
	logic  Done = 0;     // not read yet
	logic [2:0]  Errors = 0;
	logic  Written = 0;  // a write waits for its response to be taken
	logic  Found = 0;    // a read waits for its data to be taken
	logic [31:0]  Data = 0;

	// Frames to bytes: the factor is a constant with few bits, for which no multiplier is worth while.
	function automatic logic [SIZE_BITS-1:0] bytes(input logic [31:0]  n);
		bytes = 0;
		for(int  i = 0; i < 32; i++)  if(FRAME_BYTES[i])  bytes += SIZE_BITS'(n) << i;
	endfunction : bytes
	uwire  aligned = address % BYTES == 0;

	uwire  write = awvalid && wvalid && !Written;
	uwire  read = arvalid && !Found;
	uwire  starts = write && awaddr[5:2] == CONTROL && wstrb[0] && wdata[0] && !Running;

	always_ff @(posedge clk) begin
		if(!rst_n) begin
			{Address, Frames, Start, Running, Done, Errors, Written, Found} <= 0;
		end
		else begin
			Written <= write || (Written && !bready);
			Found <= read || (Found && !rready);
			Start <= starts;
			Running <= starts || (Running && !done);
			Done <= done || (Done && !(read && araddr[5:2] == CONTROL));
			if(starts)  Errors <= 0;
			else begin
				Errors[0] <= Errors[0] || (answered && response == 2'b10);
				Errors[1] <= Errors[1] || (answered && response == 2'b11);
				Errors[2] <= Errors[2] || (Start && !aligned);
			end
			for(int  i = 0; i < 4; i++) if(write && wstrb[i]) begin
				case(awaddr[5:2])
					LOW:     Address[8*i +: 8] <= wdata[8*i +: 8];
					HIGH:    Address[32 + 8*i +: 8] <= wdata[8*i +: 8];
					FRAMES:  Frames[8*i +: 8] <= wdata[8*i +: 8];
					default: ;
				endcase
			end
		end
		if(read) begin
			case(araddr[5:2])
				CONTROL: Data <= {28'b0, Done, !Running, Done, Running};
				LOW:     Data <= Address[31:0];
				HIGH:    Data <= Address[63:32];
				FRAMES:  Data <= Frames;
				ERRORS:  Data <= {29'b0, Errors};
				default: Data <= 0;
			endcase
		end
	end

	assign	awready = write;
	assign	wready = write;
	assign	bvalid = Written;
	assign	bresp = 0;
	assign	arready = !Found;
	assign	rvalid = Found;
	assign	rdata = Data;
	assign	rresp = 0;
	assign	start = Start;
	assign	address = Address;
	assign	size = aligned? bytes(Frames) : 0;

endmodule : io_dma_registers
