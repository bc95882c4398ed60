// Behaviour of the DSP48E2 of UltraScale devices, after UG579 (UltraScale Architecture DSP Slice): chapter 2, tables of
// INMODE, OPMODE and ALUMODE. Yosys' library declares the cell without behaviour.
//
// Modelled: input, pre-adder, multiplier and output registers with enables and resets, pre-adder, multiplier, the four
// multiplexers, arithmetic and logic of one 48-bit word, CARRYIN. A netlist that asks for anything else is an error:
// cascades, SIMD, pattern detector, wide XOR, other carries.
module DSP48E2 (
  input [29:0] A, ACIN, input [3:0] ALUMODE, input [17:0] B, BCIN, input [47:0] C, input CARRYCASCIN, CARRYIN,
  input [2:0] CARRYINSEL, input CEA1, CEA2, CEAD, CEALUMODE, CEB1, CEB2, CEC, CECARRYIN, CECTRL, CED, CEINMODE, CEM, CEP,
  CLK, input [26:0] D, input [4:0] INMODE, input MULTSIGNIN, input [8:0] OPMODE, input [47:0] PCIN,
  input RSTA, RSTALLCARRYIN, RSTALUMODE, RSTB, RSTC, RSTCTRL, RSTD, RSTINMODE, RSTM, RSTP,
  output [29:0] ACOUT, output [17:0] BCOUT, output CARRYCASCOUT, output [3:0] CARRYOUT, output MULTSIGNOUT, OVERFLOW,
  output [47:0] P, output PATTERNBDETECT, PATTERNDETECT, output [47:0] PCOUT, output UNDERFLOW, output [7:0] XOROUT
);
  parameter ACASCREG = 1, ADREG = 1, ALUMODEREG = 1, AREG = 1, BCASCREG = 1, BREG = 1, CARRYINREG = 1;
  parameter CARRYINSELREG = 1, CREG = 1, DREG = 1, INMODEREG = 1, MREG = 1, OPMODEREG = 1, PREG = 1;
  parameter AMULTSEL = "A", AUTORESET_PATDET = "NO_RESET", AUTORESET_PRIORITY = "RESET", A_INPUT = "DIRECT";
  parameter BMULTSEL = "B", B_INPUT = "DIRECT", PREADDINSEL = "A", SEL_MASK = "MASK", SEL_PATTERN = "PATTERN";
  parameter USE_MULT = "MULTIPLY", USE_PATTERN_DETECT = "NO_PATDET", USE_SIMD = "ONE48", USE_WIDEXOR = "FALSE";
  parameter XORSIMD = "XOR24_48_96";
  parameter [47:0] MASK = 48'h3FFFFFFFFFFF, PATTERN = 48'd0, RND = 48'd0;
  parameter [3:0] IS_ALUMODE_INVERTED = 0;
  parameter [4:0] IS_INMODE_INVERTED = 0;
  parameter [8:0] IS_OPMODE_INVERTED = 0;
  parameter [0:0] IS_CARRYIN_INVERTED = 0, IS_CLK_INVERTED = 0, IS_RSTALLCARRYIN_INVERTED = 0, IS_RSTALUMODE_INVERTED = 0;
  parameter [0:0] IS_RSTA_INVERTED = 0, IS_RSTB_INVERTED = 0, IS_RSTCTRL_INVERTED = 0, IS_RSTC_INVERTED = 0;
  parameter [0:0] IS_RSTD_INVERTED = 0, IS_RSTINMODE_INVERTED = 0, IS_RSTM_INVERTED = 0, IS_RSTP_INVERTED = 0;

  initial
    if (A_INPUT != "DIRECT" || B_INPUT != "DIRECT" || USE_SIMD != "ONE48" || USE_PATTERN_DETECT != "NO_PATDET"
        || USE_WIDEXOR != "FALSE" || IS_CLK_INVERTED)
      $fatal(1, "DSP48E2: a cascade, SIMD, the pattern detector, wide XOR or an inverted clock is not modelled");

  // Registers: two for A and for B, one for every other signal. RST has priority over CE. A signal without a register
  // passes through.
  reg [29:0] a1 = 0, a2 = 0;
  reg [17:0] b1 = 0, b2 = 0;
  reg [47:0] c1 = 0, p1 = 0;
  reg [26:0] d1 = 0, ad1 = 0;
  reg [44:0] m1 = 0;
  reg [4:0] inmode1 = 0;
  reg [8:0] opmode1 = 0;
  reg [3:0] alumode1 = 0;
  reg [2:0] carryinsel1 = 0;
  reg carryin1 = 0;
  wire [4:0] inmode = INMODEREG ? inmode1 : INMODE ^ IS_INMODE_INVERTED;
  wire [8:0] opmode = OPMODEREG ? opmode1 : OPMODE ^ IS_OPMODE_INVERTED;
  wire [3:0] alumode = ALUMODEREG ? alumode1 : ALUMODE ^ IS_ALUMODE_INVERTED;
  wire [2:0] carryinsel = CARRYINSELREG ? carryinsel1 : CARRYINSEL;
  wire carryin = CARRYINREG ? carryin1 : CARRYIN ^ IS_CARRYIN_INVERTED;
  wire [29:0] a = AREG ? a2 : A;
  wire [17:0] b = BREG ? b2 : B;
  wire [47:0] c = CREG ? c1 : C;
  wire [26:0] d = DREG ? d1 : D;

  // Pre-adder and multiplier. INMODE: [0] A1 instead of A2, [1] no A or B to the pre-adder, [2] D to it, [3] subtract,
  // [4] B1 instead of B2.
  wire signed [26:0] a_chosen = inmode[1] && PREADDINSEL == "A" ? 27'd0 : inmode[0] && AREG == 2 ? a1[26:0] : a[26:0];
  wire signed [17:0] b_chosen = inmode[1] && PREADDINSEL == "B" ? 18'd0 : inmode[4] && BREG == 2 ? b1 : b;
  wire signed [26:0] added = PREADDINSEL == "A" ? a_chosen : {{9{b_chosen[17]}}, b_chosen};
  wire [26:0] d_chosen = inmode[2] ? d : 27'd0;
  wire [26:0] sum = inmode[3] ? d_chosen - added : d_chosen + added;
  wire signed [26:0] ad = ADREG ? ad1 : sum;
  wire signed [26:0] factor_a = AMULTSEL == "AD" ? ad : a_chosen;
  wire signed [17:0] factor_b = BMULTSEL == "AD" ? ad[17:0] : b_chosen;
  wire signed [44:0] product = factor_a * factor_b;
  wire signed [44:0] m = USE_MULT == "NONE" ? 45'd0 : MREG ? m1 : product;

  // The four multiplexers and the arithmetic and logic unit
  wire multiplies = opmode[1:0] == 2'b01;
  wire [47:0] w = opmode[8:7] == 2'b00 ? 48'd0 : opmode[8:7] == 2'b01 ? p1 : opmode[8:7] == 2'b10 ? RND : c;
  wire [47:0] x = opmode[1:0] == 2'b00 ? 48'd0 : multiplies ? {{3{m[44]}}, m} : opmode[1:0] == 2'b10 ? p1 : {a, b};
  wire [47:0] y = opmode[3:2] == 2'b00 || opmode[3:2] == 2'b01 ? 48'd0 : opmode[3:2] == 2'b10 ? {48{1'b1}} : c;
  wire [47:0] z = opmode[6:4] == 3'b010 || opmode[6:4] == 3'b100 ? p1 : opmode[6:4] == 3'b011 ? c
                  : opmode[6:4] == 3'b110 ? {{17{p1[47]}}, p1[47:17]} : 48'd0;
  wire [47:0] terms = w + x + y + {47'd0, carryin};
  reg [47:0] result;
  always @*
    case (alumode)
      4'b0000: result = z + terms;
      4'b0001: result = ~z + terms;
      4'b0010: result = ~(z + terms);
      4'b0011: result = z - terms;
      4'b0100, 4'b0111: result = x ^ z ^ y;  // y, all ones or none, turns XOR to XNOR and AND to OR
      4'b0101, 4'b0110: result = ~(x ^ z ^ y);
      4'b1100: result = opmode[3] ? x | z : x & z;
      4'b1101: result = opmode[3] ? x | ~z : x & ~z;
      4'b1110: result = opmode[3] ? ~(x | z) : ~(x & z);
      4'b1111: result = opmode[3] ? ~x & z : ~x | z;
      default: result = 48'd0;
    endcase
  assign P = PREG ? p1 : result;

  always @(posedge CLK) begin
    if (RSTA ^ IS_RSTA_INVERTED) begin a1 <= 0; a2 <= 0; end
    else begin
      if (CEA1) a1 <= A;
      if (CEA2) a2 <= AREG == 2 ? a1 : A;
    end
    if (RSTB ^ IS_RSTB_INVERTED) begin b1 <= 0; b2 <= 0; end
    else begin
      if (CEB1) b1 <= B;
      if (CEB2) b2 <= BREG == 2 ? b1 : B;
    end
    if (RSTC ^ IS_RSTC_INVERTED) c1 <= 0; else if (CEC) c1 <= C;
    if (RSTD ^ IS_RSTD_INVERTED) begin d1 <= 0; ad1 <= 0; end
    else begin
      if (CED) d1 <= D;
      if (CEAD) ad1 <= sum;
    end
    if (RSTM ^ IS_RSTM_INVERTED) m1 <= 0; else if (CEM) m1 <= product;
    if (RSTP ^ IS_RSTP_INVERTED) p1 <= 0; else if (CEP) p1 <= result;
    if (RSTINMODE ^ IS_RSTINMODE_INVERTED) inmode1 <= 0; else if (CEINMODE) inmode1 <= INMODE ^ IS_INMODE_INVERTED;
    if (RSTALUMODE ^ IS_RSTALUMODE_INVERTED) alumode1 <= 0;
    else if (CEALUMODE) alumode1 <= ALUMODE ^ IS_ALUMODE_INVERTED;
    if (RSTCTRL ^ IS_RSTCTRL_INVERTED) begin opmode1 <= 0; carryinsel1 <= 0; end
    else if (CECTRL) begin opmode1 <= OPMODE ^ IS_OPMODE_INVERTED; carryinsel1 <= CARRYINSEL; end
    if (RSTALLCARRYIN ^ IS_RSTALLCARRYIN_INVERTED) carryin1 <= 0;
    else if (CECARRYIN) carryin1 <= CARRYIN ^ IS_CARRYIN_INVERTED;
    if (carryinsel != 0) $fatal(1, "DSP48E2: CARRYINSEL %b is not modelled", carryinsel);
    if (opmode[6:4] == 3'b001 || opmode[6:4] == 3'b101 || opmode[6:4] == 3'b111 || multiplies != (opmode[3:2] == 2'b01))
      $fatal(1, "DSP48E2: OPMODE %b is not modelled", opmode);
  end
endmodule
