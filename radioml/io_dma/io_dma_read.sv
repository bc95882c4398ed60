// Input DMA: reads frames from memory (AXI4 master) and gives them as words of a stream.
//
// A burst is requested when the queue has room for all of it, so that no beat waits on the bus. The stream gets all its
// words also where the memory reports errors, so that the accelerator holds whole frames afterwards.
module io_dma_read #(
	int unsigned  MEMORY_BITS,  // of the memory port: 8 times a power of two
	int unsigned  STREAM_BITS,  // of a word, whole bytes
	int unsigned  FRAME_BYTES   // whole words
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	input	logic [5:0]  s_axi_control_AWADDR,
	input	logic  s_axi_control_AWVALID,
	output	logic  s_axi_control_AWREADY,
	input	logic [31:0]  s_axi_control_WDATA,
	input	logic [3:0]  s_axi_control_WSTRB,
	input	logic  s_axi_control_WVALID,
	output	logic  s_axi_control_WREADY,
	output	logic [1:0]  s_axi_control_BRESP,
	output	logic  s_axi_control_BVALID,
	input	logic  s_axi_control_BREADY,
	input	logic [5:0]  s_axi_control_ARADDR,
	input	logic  s_axi_control_ARVALID,
	output	logic  s_axi_control_ARREADY,
	output	logic [31:0]  s_axi_control_RDATA,
	output	logic [1:0]  s_axi_control_RRESP,
	output	logic  s_axi_control_RVALID,
	input	logic  s_axi_control_RREADY,

	output	logic [63:0]  m_axi_gmem_ARADDR,
	output	logic [7:0]  m_axi_gmem_ARLEN,
	output	logic [2:0]  m_axi_gmem_ARSIZE,
	output	logic [1:0]  m_axi_gmem_ARBURST,
	output	logic [3:0]  m_axi_gmem_ARCACHE,
	output	logic [2:0]  m_axi_gmem_ARPROT,
	output	logic  m_axi_gmem_ARVALID,
	input	logic  m_axi_gmem_ARREADY,
	input	logic [MEMORY_BITS-1:0]  m_axi_gmem_RDATA,
	input	logic [1:0]  m_axi_gmem_RRESP,
	input	logic  m_axi_gmem_RLAST,
	input	logic  m_axi_gmem_RVALID,
	output	logic  m_axi_gmem_RREADY,

	output	logic [STREAM_BITS-1:0]  out0_V_TDATA,
	output	logic  out0_V_TVALID,
	input	logic  out0_V_TREADY
);
	localparam int unsigned  BYTES = MEMORY_BITS / 8;
	localparam int unsigned  WORD_BYTES = STREAM_BITS / 8;
	localparam int unsigned  BEATS = 16;  // the longest burst of AXI3, which a Zynq-7000's memory ports speak
	localparam int unsigned  ROOM = 4*BEATS;
	localparam int unsigned  SIZE_BITS = 32 + $clog2(FRAME_BYTES + 1);

	uwire  start, done;
	uwire [63:0]  address;
	uwire [SIZE_BITS-1:0]  size;
	io_dma_registers #(.BYTES(BYTES), .FRAME_BYTES(FRAME_BYTES)) registers (
		.clk(ap_clk), .rst_n(ap_rst_n),
		.awaddr(s_axi_control_AWADDR), .awvalid(s_axi_control_AWVALID), .awready(s_axi_control_AWREADY),
		.wdata(s_axi_control_WDATA), .wstrb(s_axi_control_WSTRB),
		.wvalid(s_axi_control_WVALID), .wready(s_axi_control_WREADY),
		.bresp(s_axi_control_BRESP), .bvalid(s_axi_control_BVALID), .bready(s_axi_control_BREADY),
		.araddr(s_axi_control_ARADDR), .arvalid(s_axi_control_ARVALID), .arready(s_axi_control_ARREADY),
		.rdata(s_axi_control_RDATA), .rresp(s_axi_control_RRESP),
		.rvalid(s_axi_control_RVALID), .rready(s_axi_control_RREADY),
		.start, .address, .size, .done, .answered(m_axi_gmem_RVALID), .response(m_axi_gmem_RRESP)
	);

	// Requests, each for beats that the queue has room for
	uwire  burst, requested;
	uwire [8:0]  beats;
	typedef logic [$clog2(ROOM):0]  level_t;
	level_t  Room = level_t'(ROOM);  // beats that are neither in the queue nor requested
	uwire  leaves;                   // a beat leaves the queue
	io_dma_bursts #(.BYTES(BYTES), .BEATS(BEATS), .SIZE_BITS(SIZE_BITS)) bursts (
		.clk(ap_clk), .rst_n(ap_rst_n), .start, .address, .size,
		.valid(burst), .ready(requested), .at(m_axi_gmem_ARADDR), .beats, .last()
	);
	assign	requested = m_axi_gmem_ARVALID && m_axi_gmem_ARREADY;
	assign	m_axi_gmem_ARVALID = burst && Room >= beats;
	assign	m_axi_gmem_ARLEN = 8'(beats - 1);
	assign	m_axi_gmem_ARSIZE = 3'($clog2(BYTES));
	assign	m_axi_gmem_ARBURST = 2'b01;    // incrementing
	assign	m_axi_gmem_ARCACHE = 4'b0011;  // the interconnect may merge beats
	assign	m_axi_gmem_ARPROT = 3'b000;
	assign	m_axi_gmem_RREADY = 1;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)  Room <= level_t'(ROOM);
		else           Room <= Room + level_t'(leaves) - (requested? level_t'(beats) : 0);
	end

	// Beats to words
	uwire level_t  level;
	uwire [MEMORY_BITS-1:0]  beat;
	uwire  free, word, taken = word && out0_V_TREADY;
	logic [SIZE_BITS-1:0]  Left = 0;  // bytes that the stream has not got yet
	logic  Running = 0;
	assign	leaves = level != 0 && free;
	io_dma_queue #(.BITS(MEMORY_BITS), .DEPTH(ROOM)) queue (
		.clk(ap_clk), .clear(!ap_rst_n),
		.put(m_axi_gmem_RVALID), .in(m_axi_gmem_RDATA), .take(leaves), .out(beat), .level
	);
	io_dma_words #(.IN(BYTES), .OUT(WORD_BYTES)) words (
		.clk(ap_clk), .clear(!ap_rst_n || start), .flush(1'b0),
		.in(beat), .in_valid(leaves), .in_ready(free),
		.out(out0_V_TDATA), .out_valid(word), .out_ready(out0_V_TREADY && Left != 0)
	);
	assign	out0_V_TVALID = word && Left != 0;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)                Left <= 0;
		else if(start)               Left <= size;
		else if(taken && Left != 0)  Left <= Left - WORD_BYTES;
		Running <= ap_rst_n && (start || (Running && !done));
	end
	assign	done = Running && Left == 0;

endmodule : io_dma_read
