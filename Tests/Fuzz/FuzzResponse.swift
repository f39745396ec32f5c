// FuzzResponse: any bytes as a response. A head parsed from a part must need more or come out as the
// whole does, and nothing may lie outside the input. The first byte chooses the request's method.

import Bytes
import HTTPWire

/// What came of one parse, in comparable form.
private enum Outcome: Equatable {
    case needMore
    case complete(Int, status: Int, ranges: [ByteRange], BodyFraming, keepAlive: Bool)
    case failed(WireError)
}

private func parse(
    _ bytes: UnsafeRawBufferPointer, to method: Method, _ head: inout ResponseHead
) -> Outcome {
    do throws(WireError) {
        switch try ResponseParser().parse(bytes, to: method, into: &head) {
        case .needMore:
            return .needMore
        case .complete(let count):
            precondition(count == head.byteCount && count <= bytes.count)
            precondition(head.status >= 100 && head.status < 600)
            return .complete(
                count, status: head.status, ranges: check(head, in: bytes), head.framing,
                keepAlive: head.keepAlive)
        }
    } catch {
        precondition(error.suggestedStatus == 502 && error.closesConnection)
        return .failed(error)
    }
}

/// Checks what a complete head promises and returns its ranges.
private func check(
    _ head: borrowing ResponseHead, in bytes: UnsafeRawBufferPointer
) -> [ByteRange] {
    var ranges = [head.reason]
    for index in 0..<head.fieldCount {
        let field = head.field(at: index)
        precondition(field.name.count > 0)
        for byte in bytes[field.name] { precondition(ASCII.isToken(byte)) }
        for byte in bytes[field.value] {
            precondition(byte >= 0x20 && byte != 0x7F || byte == 0x09)
        }
        ranges += [field.name, field.value]
    }
    for range in ranges { precondition(Int(range.end) <= head.byteCount) }
    return ranges
}

/// The door that libFuzzer knocks at.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 0, let data else { return 0 }
    let method = Method(rawValue: data[0] % 10) ?? .get
    let bytes = UnsafeRawBufferPointer(start: data + 1, count: size - 1)
    var head = ResponseHead()
    let whole = parse(bytes, to: method, &head)
    for cut in cuts(bytes.count) {
        let part = Array(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
        let outcome = part.withUnsafeBytes { parse($0, to: method, &head) }
        precondition(outcome == .needMore || outcome == whole, "a part came out otherwise")
    }
    return 0
}

/// A few dozen places to cut `size` bytes at: all of a short input, and the end of a long one.
private func cuts(_ size: Int) -> [Int] {
    size <= 64 ? Array(0..<size) : [size / 2, size / 3] + Array((size - 40)..<size)
}
