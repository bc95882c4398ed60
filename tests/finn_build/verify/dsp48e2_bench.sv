// Two DSP48E2 beside each other: `plain` has an output register alone, `finn` the registers of FINN's mvu.sv.
module dsp48e2_bench (
  input CLK, RSTP, RSTB, RSTD, RSTM, CE, input [29:0] A, input [17:0] B, input [47:0] C, input [26:0] D, input CARRYIN,
  input [3:0] ALUMODE, input [4:0] INMODE, input [8:0] OPMODE, output [47:0] plain, output [47:0] finn
);
  localparam [47:0] RND = 48'h123456789abc;
  DSP48E2 #(.ADREG(0), .ALUMODEREG(0), .AREG(0), .BREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .CREG(0), .DREG(0),
    .INMODEREG(0), .MREG(0), .OPMODEREG(0), .PREG(1), .AMULTSEL("AD"), .RND(RND)) first (.CLK, .RSTP, .CEP(CE), .A, .B,
    .C, .D, .CARRYIN, .ALUMODE, .INMODE, .OPMODE, .CARRYINSEL(3'd0), .P(plain));
  DSP48E2 #(.ADREG(1), .ALUMODEREG(0), .AREG(0), .BREG(1), .CARRYINREG(0), .CARRYINSELREG(0), .CREG(0), .DREG(0),
    .INMODEREG(0), .MREG(1), .OPMODEREG(1), .PREG(1), .AMULTSEL("AD"), .IS_OPMODE_INVERTED(9'b000100101)) second (.CLK,
    .RSTP, .RSTB, .RSTD, .RSTM, .CEP(CE), .CEM(CE), .CEAD(CE), .CEB2(CE), .CECTRL(CE), .A, .B, .C, .D, .CARRYIN(1'b0),
    .ALUMODE(4'd0), .INMODE(5'b01100), .OPMODE({3'b000, OPMODE[0], 5'b00000}), .CARRYINSEL(3'd0), .P(finn));
endmodule
