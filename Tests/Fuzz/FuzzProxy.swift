// FuzzProxy: any bytes as the header of the PROXY protocol. A part must need more or come out as
// the whole does, and a header must lie inside the input and its own limit.

import Bytes
import HTTPWire

/// What came of one parse, in comparable form.
private func parse(_ bytes: UnsafeRawBufferPointer) -> Result<ProxyHeader.Outcome, WireError> {
    do throws(WireError) {
        return .success(try ProxyHeader.parse(bytes))
    } catch {
        return .failure(error)
    }
}

/// The door that libFuzzer knocks at.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let whole = parse(bytes)
    if case .success(.complete(let header)) = whole {
        precondition(header.byteCount > 0 && header.byteCount <= size)
        precondition(header.byteCount <= ProxyHeader.limitBytes)
    }
    if case .success(.needMore) = whole { precondition(size < ProxyHeader.limitBytes) }
    // A copy of its own for each part, so that reading past its end is found.
    for cut in 0..<min(size, 300) {
        let part = Array(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
        let outcome = part.withUnsafeBytes { parse($0) }
        precondition(
            outcome == .success(.needMore) || outcome == whole, "a part came out otherwise")
    }
    return 0
}
