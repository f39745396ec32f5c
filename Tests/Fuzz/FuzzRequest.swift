// FuzzRequest: any bytes as a request. A head parsed from a part must need more or come out as the
// whole does, and nothing may lie outside the input.

import Bytes
import HTTPWire

/// What came of one parse, in comparable form.
private enum Outcome: Equatable {
    case needMore
    case complete(Int, fields: [ByteRange], BodyFraming, keepAlive: Bool)
    case failed(WireError)
}

private func parse(_ bytes: UnsafeRawBufferPointer, _ head: inout RequestHead) -> Outcome {
    do throws(WireError) {
        switch try RequestParser().parse(bytes, into: &head) {
        case .needMore:
            return .needMore
        case .complete(let count):
            precondition(count == head.byteCount && count <= bytes.count)
            return .complete(
                count, fields: check(head, in: bytes), head.framing, keepAlive: head.keepAlive)
        }
    } catch {
        return .failed(error)
    }
}

/// Checks what a complete head promises and returns its ranges.
private func check(_ head: borrowing RequestHead, in bytes: UnsafeRawBufferPointer) -> [ByteRange] {
    var ranges = [head.methodRange, head.target, head.path, head.authority]
    if let query = head.query { ranges.append(query) }
    precondition(head.target.count > 0 && head.methodRange.count > 0)
    for byte in bytes[head.target] { precondition(byte > 0x20 && byte < 0x7F) }
    for index in 0..<head.fieldCount {
        let field = head.field(at: index)
        precondition(field.name.count > 0)
        for byte in bytes[field.name] { precondition(ASCII.isToken(byte)) }
        for byte in bytes[field.value] {
            precondition(byte >= 0x20 && byte != 0x7F || byte == 0x09)
        }
        precondition(KnownField.recognise(bytes[field.name]) == field.known)
        ranges += [field.name, field.value]
    }
    for range in ranges { precondition(Int(range.end) <= head.byteCount) }
    if head.pathIsPlain, !head.path.isEmpty {
        var output = ByteBuffer()
        do throws(WireError) {
            try PathNormaliser.normalise(bytes[head.path], into: &output)
        } catch {
            preconditionFailure("a plain path was refused")
        }
        let text = output.array()
        precondition(text == Array(bytes[head.path]))
    }
    return ranges
}

/// The door that libFuzzer knocks at.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    var head = RequestHead()
    let whole = parse(bytes, &head)
    // A copy of its own for each part, so that reading past its end is found.
    for cut in cuts(size) {
        let part = Array(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
        let outcome = part.withUnsafeBytes { parse($0, &head) }
        precondition(outcome == .needMore || outcome == whole, "a part came out otherwise")
    }
    return 0
}

/// A few dozen places to cut `size` bytes at: all of a short input, and the end of a long one.
private func cuts(_ size: Int) -> [Int] {
    size <= 64 ? Array(0..<size) : [size / 2, size / 3] + Array((size - 40)..<size)
}
