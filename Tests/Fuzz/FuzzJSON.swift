// Fuzzing entry point for JSON. Beyond "does not crash", every way of reading the same bytes must
// come to the same verdict, and whatever is written must be readable.
//
// An input is a text; if it has a NUL byte, what is before it is a schema for what is behind it.

import Bytes
import JSON

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    checkReaders(input)
    checkStrings(input)
    if let separator = input.firstIndex(of: 0) {
        checkSchema(
            UnsafeRawBufferPointer(rebasing: input[..<separator]),
            UnsafeRawBufferPointer(rebasing: input[(separator + 1)...]))
    }
    return 0
}

/// The error of `body`, or nil.
private func fault(_ body: () throws -> Void) -> JSONError? {
    do {
        try body()
        return nil
    } catch let error as JSONError {
        return error
    } catch {
        fatalError("another error: \(error)")
    }
}

/// All readers agree with the scanner, except for keys that come twice.
private func checkReaders(_ input: UnsafeRawBufferPointer) {
    var shape: JSONShape?
    let verdict = fault { shape = try JSONScanner.validate(input) }
    precondition((verdict?.offset ?? 0) <= input.count)
    func agrees(_ other: JSONError?) -> Bool {
        if other == verdict { return true }
        guard let other, other.reason == .duplicateKey else { return false }
        return other.offset <= verdict?.offset ?? input.count
    }

    var tree: JSONValue?
    precondition(agrees(fault { tree = try JSONValue.parse(input) }))
    var compact = ByteBuffer()
    precondition(fault { try JSONScanner.compact(input, into: &compact) } == verdict)
    var message: JSONMessage?
    let messageVerdict = fault { message = try JSONMessageScanner.scan(input) }
    let membersVerdict = fault {
        try JSONScanner.members(of: input) { key, value in
            let raw = key.slice(of: input)
            precondition(raw.count == key.count && value.count > 0)
            _ = JSONText.string(raw)
        }
    }
    let elementsVerdict = fault {
        try JSONScanner.elements(of: input) { precondition($0.end <= input.count) }
    }
    let first = input.first { $0 > 0x20 }
    if first == UInt8(ascii: "{") {
        precondition(agrees(messageVerdict) && agrees(membersVerdict) && elementsVerdict != nil)
    } else {
        precondition(messageVerdict != nil && membersVerdict != nil)
    }
    if first == UInt8(ascii: "[") { precondition(elementsVerdict == verdict) }
    if let message, let method = message.method { precondition(method.end < input.count) }

    guard shape != nil else {
        precondition(compact.isEmpty && tree == nil)
        return
    }
    let again = try? JSONScanner.validate(compact.readable)
    precondition(again?.hasWhitespace == false && again?.kind == shape?.kind)
    guard let tree else { return }
    precondition((try? JSONValue.parse(compact.readable)) == tree)
    var written = ByteBuffer()
    tree.write(into: &written)
    precondition((try? JSONValue.parse(written.readable)) == tree)
    checkPointers(tree, input)
}

/// Pointers find in the text what they find in the tree.
private func checkPointers(_ tree: JSONValue, _ input: UnsafeRawBufferPointer) {
    var pointer = JSONPointer()
    var value = tree
    for _ in 0..<8 {
        let span = try? pointer.span(in: input)
        guard let span else { fatalError("\(pointer) not found") }
        precondition((try? JSONValue.parse(span.slice(of: input))) == value)
        if let member = value.object?.members.last {
            pointer = pointer.appending(member.key)
            value = member.value
        } else if let elements = value.array, let last = elements.last {
            pointer = pointer.appending(String(elements.count - 1))
            value = last
        } else {
            return
        }
    }
}

/// Any bytes can be written as a string, and decoded as if they were one.
private func checkStrings(_ input: UnsafeRawBufferPointer) {
    var written = ByteBuffer()
    JSONWriter.append(to: &written) { $0.string(input) }
    let text = String(decoding: input, as: UTF8.self)
    precondition((try? JSONValue.parse(written.readable)) == .string(text))
    _ = JSONText.string(input)
    if let pointer = try? JSONPointer(text) { precondition(pointer.description == text) }
    if let number = JSONNumber(text) { precondition(number == number && !(number < number)) }
}

/// Whatever the schema, checking ends and lists a bounded number of faults.
private func checkSchema(_ schema: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    guard let document = try? JSONValue.parse(schema), let value = try? JSONValue.parse(value),
        let schema = try? JSONSchema(from: document)
    else { return }
    precondition(schema.faults(in: value).count <= JSONSchema.greatestFaultCount + 1)
}
