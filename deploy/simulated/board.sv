// The accelerator between its two DMA engines, as in a bitfile. One control port reaches both engines, as behind the
// interconnect of a Zynq.
module board #(
	int unsigned  MEMORY_BITS,  // of each engine's memory port
	int unsigned  IN_BITS,      // of the accelerator's input words
	int unsigned  IN_BYTES,     // of a frame
	int unsigned  OUT_BITS,     // of the accelerator's output words
	int unsigned  OUT_BYTES     // of a frame's results
)(
	input	logic  clk,
	input	logic  rst_n,

	input	logic  engine,  // that the control port reaches: 0 input, 1 output
	input	logic [5:0]  control_awaddr,
	input	logic  control_awvalid,
	output	logic  control_awready,
	input	logic [31:0]  control_wdata,
	input	logic  control_wvalid,
	output	logic  control_bvalid,
	input	logic  control_bready,
	input	logic [5:0]  control_araddr,
	input	logic  control_arvalid,
	output	logic  control_arready,
	output	logic [31:0]  control_rdata,
	output	logic  control_rvalid,
	input	logic  control_rready,

	output	logic [63:0]  araddr,
	output	logic [7:0]  arlen,
	output	logic [2:0]  arsize,
	output	logic [1:0]  arburst,
	output	logic  arvalid,
	input	logic  arready,
	input	logic [MEMORY_BITS-1:0]  rdata,
	input	logic [1:0]  rresp,
	input	logic  rlast,
	input	logic  rvalid,
	output	logic  rready,

	output	logic [63:0]  awaddr,
	output	logic [7:0]  awlen,
	output	logic [2:0]  awsize,
	output	logic [1:0]  awburst,
	output	logic  awvalid,
	input	logic  awready,
	output	logic [MEMORY_BITS-1:0]  wdata,
	output	logic [MEMORY_BITS/8-1:0]  wstrb,
	output	logic  wlast,
	output	logic  wvalid,
	input	logic  wready,
	input	logic [1:0]  bresp,
	input	logic  bvalid,
	output	logic  bready
);
	uwire [1:0]  awreadys, bvalids, arreadys, rvalids;
	uwire [1:0][31:0]  rdatas;
	assign	control_awready = awreadys[engine];
	assign	control_bvalid = bvalids[engine];
	assign	control_arready = arreadys[engine];
	assign	control_rvalid = rvalids[engine];
	assign	control_rdata = rdatas[engine];

	uwire [IN_BITS-1:0]  in;
	uwire [OUT_BITS-1:0]  out;
	uwire  in_valid, in_ready, out_valid, out_ready;

	io_dma_read #(.MEMORY_BITS(MEMORY_BITS), .STREAM_BITS(IN_BITS), .FRAME_BYTES(IN_BYTES)) idma (
		.ap_clk(clk), .ap_rst_n(rst_n),
		.s_axi_control_AWADDR(control_awaddr), .s_axi_control_AWVALID(control_awvalid && engine == 0),
		.s_axi_control_AWREADY(awreadys[0]), .s_axi_control_WDATA(control_wdata), .s_axi_control_WSTRB('1),
		.s_axi_control_WVALID(control_wvalid && engine == 0), .s_axi_control_WREADY(),
		.s_axi_control_BRESP(), .s_axi_control_BVALID(bvalids[0]), .s_axi_control_BREADY(control_bready && engine == 0),
		.s_axi_control_ARADDR(control_araddr), .s_axi_control_ARVALID(control_arvalid && engine == 0),
		.s_axi_control_ARREADY(arreadys[0]), .s_axi_control_RDATA(rdatas[0]), .s_axi_control_RRESP(),
		.s_axi_control_RVALID(rvalids[0]), .s_axi_control_RREADY(control_rready && engine == 0),
		.m_axi_gmem_ARADDR(araddr), .m_axi_gmem_ARLEN(arlen), .m_axi_gmem_ARSIZE(arsize), .m_axi_gmem_ARBURST(arburst),
		.m_axi_gmem_ARCACHE(), .m_axi_gmem_ARPROT(), .m_axi_gmem_ARVALID(arvalid), .m_axi_gmem_ARREADY(arready),
		.m_axi_gmem_RDATA(rdata), .m_axi_gmem_RRESP(rresp), .m_axi_gmem_RLAST(rlast),
		.m_axi_gmem_RVALID(rvalid), .m_axi_gmem_RREADY(rready),
		.out0_V_TDATA(in), .out0_V_TVALID(in_valid), .out0_V_TREADY(in_ready)
	);
	accelerator accelerator (
		.ap_clk(clk), .ap_rst_n(rst_n),
		.s_axis_tdata(in), .s_axis_tvalid(in_valid), .s_axis_tready(in_ready),
		.m_axis_tdata(out), .m_axis_tvalid(out_valid), .m_axis_tready(out_ready)
	);
	io_dma_write #(.MEMORY_BITS(MEMORY_BITS), .STREAM_BITS(OUT_BITS), .FRAME_BYTES(OUT_BYTES)) odma (
		.ap_clk(clk), .ap_rst_n(rst_n),
		.s_axi_control_AWADDR(control_awaddr), .s_axi_control_AWVALID(control_awvalid && engine == 1),
		.s_axi_control_AWREADY(awreadys[1]), .s_axi_control_WDATA(control_wdata), .s_axi_control_WSTRB('1),
		.s_axi_control_WVALID(control_wvalid && engine == 1), .s_axi_control_WREADY(),
		.s_axi_control_BRESP(), .s_axi_control_BVALID(bvalids[1]), .s_axi_control_BREADY(control_bready && engine == 1),
		.s_axi_control_ARADDR(control_araddr), .s_axi_control_ARVALID(control_arvalid && engine == 1),
		.s_axi_control_ARREADY(arreadys[1]), .s_axi_control_RDATA(rdatas[1]), .s_axi_control_RRESP(),
		.s_axi_control_RVALID(rvalids[1]), .s_axi_control_RREADY(control_rready && engine == 1),
		.m_axi_gmem_AWADDR(awaddr), .m_axi_gmem_AWLEN(awlen), .m_axi_gmem_AWSIZE(awsize), .m_axi_gmem_AWBURST(awburst),
		.m_axi_gmem_AWCACHE(), .m_axi_gmem_AWPROT(), .m_axi_gmem_AWVALID(awvalid), .m_axi_gmem_AWREADY(awready),
		.m_axi_gmem_WDATA(wdata), .m_axi_gmem_WSTRB(wstrb), .m_axi_gmem_WLAST(wlast),
		.m_axi_gmem_WVALID(wvalid), .m_axi_gmem_WREADY(wready),
		.m_axi_gmem_BRESP(bresp), .m_axi_gmem_BVALID(bvalid), .m_axi_gmem_BREADY(bready),
		.in0_V_TDATA(out), .in0_V_TVALID(out_valid), .in0_V_TREADY(out_ready)
	);

endmodule : board
