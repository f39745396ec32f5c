// Support: bytes from text and text from buffers, for the tests of this target.

import Bytes
import HTTPWire

/// Calls `body` with the UTF-8 of `text`.
func withBytes<Result: ~Copyable, Failure: Error>(
    _ text: String, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    try withBytes(Array(text.utf8), body)
}

/// Calls `body` with `bytes`.
func withBytes<Result: ~Copyable, Failure: Error>(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    try bytes.span.withUnsafeBytes(body)
}

/// What `write` appends to an empty buffer, as text.
func written<Failure: Error>(
    _ write: (inout ByteBuffer) throws(Failure) -> Void
) throws(Failure) -> String {
    var output = ByteBuffer()
    try write(&output)
    return output.text()
}
