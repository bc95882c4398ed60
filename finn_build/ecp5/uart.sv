// Bytes of 8 data bits and one stop bit from a line. A byte whose stop bit is 0 is dropped.
module uart_receiver #(int unsigned BIT_CYCLES = 20) (
  input logic clk, rx,
  output logic [7:0] data,
  output logic valid
);
  logic [2:0] line = '1;  // two registers against metastability
  logic [3:0] left = '0;  // bits of the byte that are still to come
  logic [15:0] count = '0;
  initial valid = 1'b0;
  always_ff @(posedge clk) begin
    line <= {line[1:0], rx};
    valid <= 1'b0;
    if (left == 0) begin
      if (!line[2]) begin
        left <= 4'd9;
        count <= 16'(BIT_CYCLES + BIT_CYCLES / 2 - 1);
      end
    end
    else if (count != 0) count <= count - 16'd1;
    else begin
      count <= 16'(BIT_CYCLES - 1);
      left <= left - 4'd1;
      if (left == 1) valid <= line[2];
      else data <= {line[2], data[7:1]};
    end
  end
endmodule

// Bytes to a line.
module uart_sender #(int unsigned BIT_CYCLES = 20) (
  input logic clk,
  input logic [7:0] data,
  input logic valid,
  output logic ready, tx
);
  logic [3:0] left = '0;
  logic [15:0] count = '0;
  logic [8:0] bits = '1;
  initial tx = 1'b1;
  assign ready = left == 0;
  always_ff @(posedge clk)
    if (left == 0) begin
      if (valid) begin
        {bits, tx} <= {1'b1, data, 1'b0};
        left <= 4'd10;
        count <= 16'(BIT_CYCLES - 1);
      end
    end
    else if (count != 0) count <= count - 16'd1;
    else begin
      count <= 16'(BIT_CYCLES - 1);
      left <= left - 4'd1;
      {bits, tx} <= {1'b1, bits};
    end
endmodule
