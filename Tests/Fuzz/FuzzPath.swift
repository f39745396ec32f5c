// FuzzPath: any bytes as a path. What comes out must be absolute, valid UTF-8, free of controls and
// dot segments; and encoded again it must come out the same.

import Bytes
import HTTPWire

private func normalise(_ bytes: [UInt8]) -> [UInt8]? {
    var output = ByteBuffer()
    output.append("before")
    do throws(WireError) {
        try bytes.span.withUnsafeBytes { (bytes) throws(WireError) in
            try PathNormaliser.normalise(bytes, into: &output)
        }
    } catch {
        let text = output.text()
        precondition(text == "before" && error.suggestedStatus == 400)
        return nil
    }
    output.consume(6)
    return output.array()
}

/// The door that libFuzzer knocks at.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let bytes = Array(UnsafeRawBufferPointer(start: data, count: size))
    guard let path = normalise(bytes) else { return 0 }
    precondition(path.first == UInt8(ascii: "/") && path.count <= max(bytes.count, 1))
    precondition(String(validating: path, as: UTF8.self) != nil)
    for byte in path { precondition(byte >= 0x20 && byte != 0x7F) }
    let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for segment in segments {
        precondition(!segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8))
    }
    var encoded = ByteBuffer()
    for segment in segments.dropFirst() {
        encoded.append("/")
        Array(segment).withUnsafeBytes { Percent.encode($0, into: &encoded) }
    }
    precondition(normalise(encoded.array()) == path, "a normalised path is not stable")
    return 0
}
