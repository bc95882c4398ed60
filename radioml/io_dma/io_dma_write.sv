// Output DMA: writes the words of a stream as frames to memory (AXI4 master).
//
// A burst is begun when the queue holds all of it, so that none holds up the bus while the accelerator computes. The
// transfer has ended when the memory has answered every burst.
module io_dma_write #(
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

	output	logic [63:0]  m_axi_gmem_AWADDR,
	output	logic [7:0]  m_axi_gmem_AWLEN,
	output	logic [2:0]  m_axi_gmem_AWSIZE,
	output	logic [1:0]  m_axi_gmem_AWBURST,
	output	logic [3:0]  m_axi_gmem_AWCACHE,
	output	logic [2:0]  m_axi_gmem_AWPROT,
	output	logic  m_axi_gmem_AWVALID,
	input	logic  m_axi_gmem_AWREADY,
	output	logic [MEMORY_BITS-1:0]  m_axi_gmem_WDATA,
	output	logic [MEMORY_BITS/8-1:0]  m_axi_gmem_WSTRB,
	output	logic  m_axi_gmem_WLAST,
	output	logic  m_axi_gmem_WVALID,
	input	logic  m_axi_gmem_WREADY,
	input	logic [1:0]  m_axi_gmem_BRESP,
	input	logic  m_axi_gmem_BVALID,
	output	logic  m_axi_gmem_BREADY,

	input	logic [STREAM_BITS-1:0]  in0_V_TDATA,
	input	logic  in0_V_TVALID,
	output	logic  in0_V_TREADY
);
	localparam int unsigned  BYTES = MEMORY_BITS / 8;
	localparam int unsigned  WORD_BYTES = STREAM_BITS / 8;
	localparam int unsigned  BEATS = 16;  // the longest burst of AXI3, which a Zynq-7000's memory ports speak
	localparam int unsigned  ROOM = 2*BEATS;
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
		.start, .address, .size, .done, .answered(m_axi_gmem_BVALID), .response(m_axi_gmem_BRESP)
	);

	// Words to beats
	uwire [$clog2(ROOM):0]  level;
	uwire [MEMORY_BITS-1:0]  beat;
	uwire  free, full, leaves;
	logic [SIZE_BITS-1:0]  Left = 0;  // bytes that have not come yet
	assign	in0_V_TREADY = free && Left != 0;
	io_dma_words #(.IN(WORD_BYTES), .OUT(BYTES)) words (
		.clk(ap_clk), .clear(!ap_rst_n || start), .flush(Left == 0),
		.in(in0_V_TDATA), .in_valid(in0_V_TVALID && Left != 0), .in_ready(free),
		.out(beat), .out_valid(full), .out_ready(level != ROOM)
	);
	io_dma_queue #(.BITS(MEMORY_BITS), .DEPTH(ROOM)) queue (
		.clk(ap_clk), .clear(!ap_rst_n || start),
		.put(full && level != ROOM), .in(beat), .take(leaves), .out(m_axi_gmem_WDATA), .level
	);
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n)                           Left <= 0;
		else if(start)                          Left <= size;
		else if(in0_V_TVALID && in0_V_TREADY)   Left <= Left - WORD_BYTES;
	end

	// Bursts: address and data side by side, because a memory may wait for the one before it takes the other
	uwire  burst, last;
	uwire [63:0]  at;
	uwire [8:0]  beats;
	typedef logic [$clog2(BYTES+1)-1:0]  tail_t;
	tail_t  Tail = 'x;  // bytes of the transfer's last beat
	logic [63:0]  At = 'x;
	logic [7:0]  Length = 'x;
	logic  Asks = 0;            // the burst's address waits to be taken
	logic  Last = 'x;           // the burst is the transfer's last
	logic [8:0]  Beats = 0;     // of the burst that have not been taken
	logic [3:0]  Answers = 0;   // bursts that have not been answered
	logic  Running = 0;
	uwire  begins = burst && level >= beats && Beats == 0 && !Asks && Answers != '1;
	uwire  answered = m_axi_gmem_BVALID;
	io_dma_bursts #(.BYTES(BYTES), .BEATS(BEATS), .SIZE_BITS(SIZE_BITS)) bursts (
		.clk(ap_clk), .rst_n(ap_rst_n), .start, .address, .size,
		.valid(burst), .ready(begins), .at, .beats, .last
	);
	assign	leaves = m_axi_gmem_WVALID && m_axi_gmem_WREADY;
	always_ff @(posedge ap_clk) begin
		if(!ap_rst_n) begin
			{Asks, Beats, Answers, Running} <= 0;
		end
		else begin
			Asks <= begins || (Asks && !m_axi_gmem_AWREADY);
			Beats <= begins? beats : Beats - leaves;
			Answers <= Answers + begins - answered;
			Running <= start || (Running && !done);
		end
		if(begins) begin
			At <= at;
			Length <= 8'(beats - 1);
			Last <= last;
		end
		if(start)  Tail <= size % BYTES == 0? tail_t'(BYTES) : tail_t'(size % BYTES);
	end
	assign	done = Running && !burst && Beats == 0 && !Asks && Answers == 0;

	assign	m_axi_gmem_AWADDR = At;
	assign	m_axi_gmem_AWLEN = Length;
	assign	m_axi_gmem_AWSIZE = 3'($clog2(BYTES));
	assign	m_axi_gmem_AWBURST = 2'b01;    // incrementing
	assign	m_axi_gmem_AWCACHE = 4'b0011;  // the interconnect may merge beats
	assign	m_axi_gmem_AWPROT = 3'b000;
	assign	m_axi_gmem_AWVALID = Asks;
	assign	m_axi_gmem_WVALID = Beats != 0;
	assign	m_axi_gmem_WLAST = Beats == 1;
	for(genvar  i = 0; i < BYTES; i++) begin : genStrobes
		assign	m_axi_gmem_WSTRB[i] = !(Last && m_axi_gmem_WLAST) || i < Tail;
	end : genStrobes
	assign	m_axi_gmem_BREADY = 1;

endmodule : io_dma_write
