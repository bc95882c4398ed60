// The accelerator's end of the serial line; radioml/contract/serial_link.py describes the protocol.
//
// A request is stored in one of two banks and enters the accelerator once its checksum was right.

// Turns requests from the line into words of frames, and words of results into answers on the line.
module serial_shell #(
  int unsigned IN_BYTES = 1, IN_WORDS = 1, OUT_BYTES = 1, OUT_WORDS = 1,
  int unsigned BIT_CYCLES = 20, SILENCE_CYCLES = 1 << 20
) (
  input logic clk, locked, rx,
  output logic tx, rst_n,
  output logic [7:0] led,
  output logic [8*IN_BYTES-1:0] m_axis_tdata,
  output logic m_axis_tvalid,
  input logic m_axis_tready,
  input logic [8*OUT_BYTES-1:0] s_axis_tdata,
  input logic s_axis_tvalid,
  output logic s_axis_tready
);
  localparam logic [7:0] MARK_0 = 8'hA5, MARK_1 = 8'h5A;
  localparam logic [7:0] DONE = 0, WRONG_CHECKSUM = 1, SHORT = 2, NO_ROOM = 3;
  localparam int unsigned ROOM = 4;  // accepted requests that may wait for their answer
  localparam int unsigned AT = IN_WORDS > 1 ? $clog2(IN_WORDS) : 1;

  function automatic logic [15:0] checksum(input logic [15:0] so_far, input logic [7:0] data);
    checksum = so_far ^ {data, 8'd0};
    for (int i = 0; i < 8; i++) checksum = checksum[15] ? {checksum[14:0], 1'b0} ^ 16'h1021 : {checksum[14:0], 1'b0};
  endfunction

  // The accelerator's reset is held until 128 cycles after the PLL has locked.
  logic [7:0] awake = '0;
  assign rst_n = awake[7];
  always_ff @(posedge clk) if (locked && !awake[7]) awake <= awake + 8'd1;

  // Requests.
  typedef enum logic [2:0] {FIND_0, FIND_1, NUMBER, WORDS, CHECK_1, CHECK_0} request_state_t;
  request_state_t state = FIND_0;
  logic [7:0] in_data;
  logic in_valid;
  uart_receiver #(.BIT_CYCLES(BIT_CYCLES)) receiver (.clk, .rx, .data(in_data), .valid(in_valid));
  (* ram_style = "block" *) logic [8*IN_BYTES-1:0] frames[2 * (1 << AT)];
  logic [8*IN_BYTES-1:0] word = '0;
  logic [AT-1:0] word_at = '0;
  logic [7:0] byte_at = '0, number = '0;
  logic [15:0] in_check = '0;
  logic [31:0] silence = '0;
  logic bank = '0, refused = '0;
  logic [1:0] full = '0, fill, drain;
  logic [7:0] numbers[ROOM];
  logic [1:0] newest = '0, oldest = '0;
  logic [2:0] waiting = '0;
  logic accepted, answered;
  // The last request that was refused, until its answer is sent.
  logic refusal = '0, refusal_sent;
  logic [7:0] refused_number = '0, reason = '0;

  wire [8*IN_BYTES-1:0] next_word = (8*IN_BYTES)'({in_data, word} >> 8);
  wire word_done = in_valid && state == WORDS && byte_at == 8'(IN_BYTES - 1);
  wire ends = in_valid && state == CHECK_0;
  wire right = checksum(in_check, in_data) == 0;
  assign accepted = ends && right && !refused;
  assign fill = accepted ? 2'b01 << bank : 2'b00;

  always_ff @(posedge clk) if (word_done && !refused) frames[{bank, word_at}] <= next_word;
  always_ff @(posedge clk) begin
    if (in_valid) begin
      silence <= '0;
      in_check <= checksum(state == NUMBER ? 16'hFFFF : in_check, in_data);
      word <= next_word;
      case (state)
        FIND_0: if (in_data == MARK_0) state <= FIND_1;
        FIND_1: state <= in_data == MARK_1 ? NUMBER : in_data == MARK_0 ? FIND_1 : FIND_0;
        NUMBER: begin
          state <= WORDS;
          number <= in_data;
          refused <= full[bank] || waiting == 3'(ROOM);
          {byte_at, word_at} <= '0;
        end
        WORDS: begin
          byte_at <= word_done ? '0 : byte_at + 8'd1;
          if (word_done) begin
            word_at <= word_at + 1'b1;
            if (word_at == AT'(IN_WORDS - 1)) state <= CHECK_1;
          end
        end
        CHECK_1: state <= CHECK_0;
        default: state <= FIND_0;
      endcase
    end
    else if (state == FIND_0) silence <= '0;
    else begin
      silence <= silence + 32'd1;
      if (silence == 32'(SILENCE_CYCLES)) state <= FIND_0;
    end
    if (accepted) begin
      bank <= !bank;
      numbers[newest] <= number;
      newest <= newest + 2'd1;
    end
    if (answered) oldest <= oldest + 2'd1;
    waiting <= waiting + 3'(accepted) - 3'(answered);
    full <= (full | fill) & ~drain;
    if (refusal_sent) refusal <= 1'b0;
    if (ends && (!right || refused)) begin
      refusal <= 1'b1;
      refused_number <= number;
      reason <= right ? NO_ROOM : WRONG_CHECKSUM;
    end
    if (!in_valid && silence == 32'(SILENCE_CYCLES) && state != FIND_1) begin
      refusal <= 1'b1;
      refused_number <= state == NUMBER ? 8'd0 : number;
      reason <= SHORT;
    end
  end

  // Frames to the accelerator. A word takes two cycles here, many more on the line.
  logic reading = '0;
  logic [AT-1:0] read_at = '0;
  wire last_read = read_at == AT'(IN_WORDS - 1);
  wire read = rst_n && !m_axis_tvalid && full[reading];
  assign drain = read && last_read ? 2'b01 << reading : 2'b00;
  initial m_axis_tvalid = 1'b0;
  always_ff @(posedge clk) if (read) m_axis_tdata <= frames[{reading, read_at}];
  always_ff @(posedge clk) begin
    if (m_axis_tvalid && m_axis_tready) m_axis_tvalid <= 1'b0;
    if (read) begin
      m_axis_tvalid <= 1'b1;
      read_at <= last_read ? '0 : read_at + 1'b1;
      if (last_read) reading <= !reading;
    end
  end

  // Answers.
  typedef enum logic [2:0] {IDLE, SEND_MARK, SEND_NUMBER, SEND_STATUS, SEND_WORDS, SEND_CHECK_1, SEND_CHECK_0} answer_state_t;
  answer_state_t sending = IDLE;
  logic [7:0] out_data, out_number = '0, out_status = '0, bytes_left = '0;
  logic [8*OUT_BYTES-1:0] out_word = '0;
  logic [15:0] out_check = '0;
  logic [31:0] words_left = '0;
  wire holds_byte = sending != SEND_WORDS || bytes_left != 0;
  wire out_valid = sending != IDLE && holds_byte;
  logic out_ready;
  wire sent = out_valid && out_ready;
  uart_sender #(.BIT_CYCLES(BIT_CYCLES)) sender (.clk, .data(out_data), .valid(out_valid), .ready(out_ready), .tx);
  logic second_mark = '0;
  always_comb
    case (sending)
      SEND_MARK: out_data = second_mark ? MARK_1 : MARK_0;
      SEND_NUMBER: out_data = out_number;
      SEND_STATUS: out_data = out_status;
      SEND_WORDS: out_data = out_word[7:0];
      SEND_CHECK_1: out_data = out_check[15:8];
      default: out_data = out_check[7:0];
    endcase
  assign s_axis_tready = sending == SEND_WORDS && bytes_left == 0;
  assign refusal_sent = sending == IDLE && refusal;
  assign answered = sending == SEND_CHECK_0 && sent && out_status == DONE;
  always_ff @(posedge clk) begin
    if (sending == IDLE) begin
      out_check <= 16'hFFFF;
      words_left <= 32'(OUT_WORDS);
      second_mark <= 1'b0;
      if (refusal) begin
        sending <= SEND_MARK;
        out_number <= refused_number;
        out_status <= reason;
      end
      else if (rst_n && s_axis_tvalid && waiting != 0) begin
        sending <= SEND_MARK;
        out_number <= numbers[oldest];
        out_status <= DONE;
      end
    end
    else if (s_axis_tready && s_axis_tvalid) begin
      out_word <= s_axis_tdata;
      bytes_left <= 8'(OUT_BYTES);
    end
    else if (sent) begin
      if (sending inside {SEND_NUMBER, SEND_STATUS, SEND_WORDS}) out_check <= checksum(out_check, out_data);
      case (sending)
        SEND_MARK: begin
          second_mark <= 1'b1;
          if (second_mark) sending <= SEND_NUMBER;
        end
        SEND_NUMBER: sending <= SEND_STATUS;
        SEND_STATUS: sending <= out_status == DONE ? SEND_WORDS : SEND_CHECK_1;
        SEND_WORDS: begin
          out_word <= out_word >> 8;
          bytes_left <= bytes_left - 8'd1;
          if (bytes_left == 1) begin
            words_left <= words_left - 32'd1;
            if (words_left == 1) sending <= SEND_CHECK_1;
          end
        end
        SEND_CHECK_1: sending <= SEND_CHECK_0;
        default: sending <= IDLE;
      endcase
    end
  end
  assign led = {5'd0, waiting != 0, !tx, !rx};
endmodule
