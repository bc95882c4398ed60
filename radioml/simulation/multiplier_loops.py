"""FINN's multiplier with its DSP lanes and adder trees as loops over arrays, for the simulator alone.

The library's mvu.sv describes each lane and each node of its trees by a copy of the text. Verilator turns these copies
into megabytes of C++, longer than any instruction cache, which run once a cycle from top to bottom. Here the same
registers are arrays. One loop, which the compiler can vectorise, updates each group of them. The simulator then
compiles several times and runs about three times as fast.

The rtl/ folder keeps the library's text. tests/radioml/simulation/test_multiplier_loops.py compares both, cycle by
cycle.
"""

from __future__ import annotations

import hashlib

from radioml.errors import RadioMLError

FILE = "mvu.sv"
_BEGIN = "		uwire        [P_WIDTH-1:0]  p3[SIMD];\n"
_END = "		// Stage #5: Resolve lane totals\n"
_SHA256 = "6656d03cfee81e395dea79fa3625399eb8e9fc6c219d85da0fafd63993c22dfc"
_LOOPS = """\
		// Stages #1 - #3 of all DSP lanes, as arrays that one process updates, with the library's registers, and each
		// reduction tree of stage #4 as the sum of its leaves and as many registers as a leaf's way to the root has.
		// The process reads only what it wrote itself, hence the blocking assignments.
		localparam int unsigned  HI_LANES = hi_width(NUM_LANES-1) == 0? NUM_LANES-1 : NUM_LANES;
		localparam int           DEPTH    = $clog2(SIMD); // of a tree: registers between a leaf and its sum
		localparam int unsigned  LO_BITS  = sum_width(SIMD, LO_WIDTH_MAX) > 32? 64 : 32;
		typedef logic [LO_BITS-1:0]  lo_t;

		// A size that is a power of two spares Verilator's check of each index, which would keep a loop from being
		// vectorised.
		localparam int unsigned  LANES_2  = 2**$clog2(NUM_LANES);
		localparam int unsigned  SIMD_2   = 2**$clog2(SIMD);
		localparam int unsigned  DEPTH_2  = 2**$clog2(DEPTH + 1);
		int      B1 [SIMD_2];
		int      AD1[SIMD_2];
		longint  M2 [SIMD_2];
		longint  P3 [SIMD_2];
		int      PZ [SIMD_2];
		int      X1 [LANES_2][SIMD_2];
		int      X2 [LANES_2][SIMD_2];
		int      X3 [LANES_2][SIMD_2];
		int      hi_total;
		lo_t     lo_total;
		int      hi_line[LANES_2][DEPTH_2];
		lo_t     lo_line[LANES_2][DEPTH_2];
		int      hi_sum[LANES_2];
		lo_t     lo_sum[LANES_2];

		// Inputs are cut into numbers a machine word at a time.
		localparam int unsigned  W_CHUNK  = 32 / WEIGHT_WIDTH;
		localparam int unsigned  A_CHUNK  = 32 / ACTIVATION_WIDTH;
		localparam int unsigned  W_CHUNKS = (SIMD + W_CHUNK - 1) / W_CHUNK;
		localparam int unsigned  A_CHUNKS = (SIMD + A_CHUNK - 1) / A_CHUNK;
		logic [W_CHUNKS*W_CHUNK*WEIGHT_WIDTH    -1:0]  w_all;
		logic [A_CHUNKS*A_CHUNK*ACTIVATION_WIDTH-1:0]  a_all;
		logic [W_CHUNK*WEIGHT_WIDTH    -1:0]  w_chunk[2**$clog2(W_CHUNKS)];
		logic [A_CHUNK*ACTIVATION_WIDTH-1:0]  a_chunk[2**$clog2(A_CHUNKS)];
		int      ww[2**$clog2(W_CHUNKS*W_CHUNK)];
		int      aa[2**$clog2(A_CHUNKS*A_CHUNK)];

		always_ff @(posedge clk) begin
			automatic longint  keep = L[3]? 0 : -1;
			automatic int      used = zero? 0 : -1;

			for(int unsigned  i = PE_REM; i < NUM_LANES; i++) begin
				// Stage #4, from what the lanes hold before this edge
				lo_total = 0;
				/*verilator unroll_disable*/
				for(int unsigned  s = 0; s < SIMD; s++) begin
					lo_total = lo_total + lo_t'((P3[s] >> OFFSETS[i]) & ((64'd1 << (OFFSETS[i+1] - OFFSETS[i])) - 1));
				end
				if(DEPTH < 2)  lo_sum[i] <= lo_total;
				else begin
					lo_sum[i] <= lo_line[i][DEPTH-2];
					for(int  d = DEPTH-2; d > 0; d--)  lo_line[i][d] = lo_line[i][d-1];
					lo_line[i][0] = lo_total;
				end

				if(DEPTH > 1 && i < HI_LANES) begin
					hi_total = 0;
					if(i < NUM_LANES-1) begin
						/*verilator unroll_disable*/
						for(int unsigned  s = 0; s < SIMD; s++) begin
							hi_total = hi_total + (((32'(P3[s] >> OFFSETS[i+1]) - X3[i+1][s]) & 3) ^ 2) - 2;
						end
					end
					else begin
						/*verilator unroll_disable*/
						for(int unsigned  s = 0; s < SIMD; s++) begin
							automatic int  top = 32'(P3[s] >> (P_WIDTH-2)) & 3;
							hi_total = hi_total + 32'((PZ[s] != 0) & (top == 0)) - 32'((PZ[s] == 0) & (top == 3));
						end
					end
					if(DEPTH < 3)  hi_sum[i] <= hi_total;
					else begin
						hi_sum[i] <= hi_line[i][DEPTH-3];
						for(int  d = DEPTH-3; d > 0; d--)  hi_line[i][d] = hi_line[i][d-1];
						hi_line[i][0] = hi_total;
					end
				end
			end

			// Stages #3 - #1
			for(int unsigned  i = 1; i < NUM_LANES; i++) begin
				/*verilator unroll_disable*/
				for(int unsigned  s = 0; s < SIMD; s++) begin
					X3[i][s] = X2[i][s] + 32'((P3[s] >> OFFSETS[i]) & keep & 3);
					X2[i][s] = X1[i][s];
				end
			end
			/*verilator unroll_disable*/
			for(int unsigned  s = 0; s < SIMD; s++)  PZ[s] = 32'((P3[s] >> (P_WIDTH-1)) & keep & 1);
			/*verilator unroll_disable*/
			for(int unsigned  s = 0; s < SIMD; s++)  P3[s] = M2[s] + (P3[s] & keep);
			/*verilator unroll_disable*/
			for(int unsigned  s = 0; s < SIMD; s++)  M2[s] = longint'(B1[s]) * longint'(AD1[s]);
			a_all = $bits(a_all)'(a);
			for(int unsigned  k = 0; k < A_CHUNKS; k++) begin
				a_chunk[k] = a_all[k*A_CHUNK*ACTIVATION_WIDTH +: A_CHUNK*ACTIVATION_WIDTH];
			end
			/*verilator unroll_disable*/
			for(int unsigned  k = 0; k < A_CHUNKS; k++) begin
				for(int unsigned  j = 0; j < A_CHUNK; j++) begin
					aa[k*A_CHUNK + j] = SIGNED_ACTIVATIONS?
						32'($signed(a_chunk[k][j*ACTIVATION_WIDTH +: ACTIVATION_WIDTH])) :
						32'(a_chunk[k][j*ACTIVATION_WIDTH +: ACTIVATION_WIDTH]);
				end
			end
			/*verilator unroll_disable*/
			for(int unsigned  s = 0; s < SIMD; s++)  B1[s] = aa[s] & used;
			/*verilator unroll_disable*/
			for(int unsigned  s = 0; s < SIMD; s++)  AD1[s] = 0;
			for(int unsigned  pe = 0; pe < PE_END - PE_BEG; pe++) begin
				w_all = $bits(w_all)'(w[PE_BEG + pe]);
				for(int unsigned  k = 0; k < W_CHUNKS; k++) begin
					w_chunk[k] = w_all[k*W_CHUNK*WEIGHT_WIDTH +: W_CHUNK*WEIGHT_WIDTH];
				end
				/*verilator unroll_disable*/
				for(int unsigned  k = 0; k < W_CHUNKS; k++) begin
					for(int unsigned  j = 0; j < W_CHUNK; j++) begin
						ww[k*W_CHUNK + j] = 32'($signed(w_chunk[k][j*WEIGHT_WIDTH +: WEIGHT_WIDTH]));
					end
				end
				/*verilator unroll_disable*/
				for(int unsigned  s = 0; s < SIMD; s++)  AD1[s] = AD1[s] + (ww[s] << OFFSETS[pe + PE_REM]);
				if(pe > 0) begin
					/*verilator unroll_disable*/
					for(int unsigned  s = 0; s < SIMD; s++)  X1[pe + PE_REM][s] = (ww[s] * B1[s]) & 3;
				end
			end
			/*verilator unroll_disable*/
			for(int unsigned  s = 0; s < SIMD; s++)  AD1[s] = (AD1[s] <<< (32-A_WIDTH)) >>> (32-A_WIDTH);

			// The high part has one register less: its sum of one or two is formed after this edge.
			for(int unsigned  i = PE_REM; i < HI_LANES; i++) begin
				if(DEPTH < 2) begin
					automatic int  sum = 0;
					for(int unsigned  s = 0; s < SIMD; s++) begin
						if(i < NUM_LANES-1)  sum = sum + (((32'(P3[s] >> OFFSETS[i+1]) - X3[i+1][s]) & 3) ^ 2) - 2;
						else begin
							automatic int  top = 32'(P3[s] >> (P_WIDTH-2)) & 3;
							sum = sum + 32'((PZ[s] != 0) & (top == 0)) - 32'((PZ[s] == 0) & (top == 3));
						end
					end
					hi_sum[i] <= sum;
				end
			end

			if(rst) begin
				/*verilator unroll_disable*/
				for(int unsigned  s = 0; s < SIMD; s++) begin
					AD1[s] = 0;  M2[s] = 0;  P3[s] = 0;  PZ[s] = 0;
				end
				for(int unsigned  i = 0; i < NUM_LANES; i++) begin
					hi_sum[i] <= 0;
					lo_sum[i] <= 0;
					/*verilator unroll_disable*/
					for(int unsigned  s = 0; s < SIMD; s++) begin
						X1[i][s] = 0;  X2[i][s] = 0;  X3[i][s] = 0;
					end
					/*verilator unroll_disable*/
					for(int  d = 0; d < DEPTH; d++) begin
						hi_line[i][d] = 0;  lo_line[i][d] = 0;
					end
				end
			end
		end

		uwire signed [HI_WIDTH_MAX                 -1:0]  hi4[NUM_LANES];
		uwire        [sum_width(SIMD, LO_WIDTH_MAX)-1:0]  lo4[NUM_LANES];
		for(genvar  i = 0; i < NUM_LANES; i++) begin : genLanes

			// Conclusive high part accumulation
			localparam int unsigned  HI_WIDTH = hi_width(i);
			if((i < PE_REM) || (HI_WIDTH == 0))  assign  hi4[i] = 0;
			else begin : genHi
				logic signed [HI_WIDTH-1:0]  Hi4 = 0;
				always_ff @(posedge clk) begin
					if(rst)  Hi4 <= 0;
					else if(en) begin
						automatic int  old = L[PIPELINE_DEPTH-1]? 0 : Hi4;
						automatic logic signed [HI_WIDTH:0]  h = (HI_WIDTH+1)'(old + hi_sum[i]);
						assert(h[HI_WIDTH] === h[HI_WIDTH-1]) else begin
							$error("%m [%0d:%0d]: Accumulation overflow for ACCU_WIDTH=%0d", c, i, ACCU_WIDTH);
						end
						Hi4 <= h[HI_WIDTH-1:0];
					end
				end
				assign	hi4[i] = Hi4;
			end : genHi

			// Conclusive low part accumulation (all unsigned arithmetic)
			assign	lo4[i] = i < PE_REM? 0 : lo_sum[i];

		end : genLanes

"""


def with_loops(text: str) -> str:
    """The text of mvu.sv with stages 1 to 4 as loops.

    Raises RadioMLError when these stages are not those of finn-plus 1.6.1, for which the loops were written.
    """
    before, begin, rest = text.partition(_BEGIN)
    stages, end, after = rest.partition(_END)
    if not end or hashlib.sha256((begin + stages).encode()).hexdigest() != _SHA256:
        raise RadioMLError(
            f"{FILE}: the multiplier's stages 1 to 4 are not those of finn-plus 1.6.1, for which the simulator's loops "
            "were written; install the pinned version of FINN"
        )
    return before + _LOOPS + end + after
