// FuzzChunked: any bytes as a chunked body. Cut into parts, and with little room for the output, the
// same data and the same end must come out as from the whole.

import Bytes
import HTTPWire

/// What came of one body.
private struct Outcome: Equatable {
    var data: [UInt8]
    var consumed: Int
    var isComplete: Bool
    var error: WireError?
}

/// Decodes `bytes` in parts of `step` with room for `room` bytes of data at a time.
private func decode(_ bytes: [UInt8], step: Int, room: Int) -> Outcome {
    var decoder = ChunkedDecoder()
    var output = ByteBuffer()
    var consumed = 0
    var available = 0
    while available < bytes.count {
        available = min(available + step, bytes.count)
        do throws(WireError) {
            while consumed < available, !decoder.isComplete {
                let part = Array(bytes[consumed..<available])
                let before = output.count
                let result = try part.span.withUnsafeBytes { (part) throws(WireError) in
                    try decoder.decode(part, into: &output, maxOutput: room)
                }
                precondition(result.isComplete == decoder.isComplete)
                precondition(output.count - before <= room && result.consumed > 0)
                consumed += result.consumed
            }
        } catch {
            return Outcome(data: output.array(), consumed: -1, isComplete: false, error: error)
        }
    }
    return Outcome(data: output.array(), consumed: consumed, isComplete: decoder.isComplete)
}

/// The door that libFuzzer knocks at.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let bytes = Array(UnsafeRawBufferPointer(start: data, count: size))
    let whole = decode(bytes, step: max(size, 1), room: Int.max)
    precondition(
        whole == decode(bytes, step: 1, room: Int.max), "byte by byte it came out otherwise")
    precondition(whole == decode(bytes, step: 7, room: 3), "with little room it came out otherwise")
    if whole.error == nil, !whole.data.isEmpty { checkReturn(whole.data) }
    return 0
}

/// What the encoder makes of `data` must come back.
private func checkReturn(_ data: [UInt8]) {
    var encoded = ByteBuffer()
    data.withUnsafeBytes { ChunkedEncoder.append($0, to: &encoded) }
    ChunkedEncoder.appendLast(to: &encoded)
    let again = decode(encoded.array(), step: 5, room: 11)
    precondition(again.isComplete && again.data == data)
}
