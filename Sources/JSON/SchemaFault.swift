// SchemaFault: one thing that is wrong, said by place. Of a document: where it differs from its
// schema. Of a schema: which keyword cannot be understood.

/// One difference between a value and its schema, or a mistake in a schema itself.
package struct SchemaFault: Error, Equatable, Sendable {
    /// The place in the checked document (in the schema, if thrown by `JSONSchema.init`).
    package let pointer: JSONPointer

    /// What is wrong there, like "must be at least 1".
    package let message: String

    /// Makes a fault.
    package init(_ pointer: JSONPointer, _ message: String) {
        self.pointer = pointer
        self.message = message
    }
}

extension SchemaFault: CustomStringConvertible {
    /// Place and message, like "/ports/0 must be at least 1".
    package var description: String {
        pointer.tokens.isEmpty ? "the document \(message)" : "\(pointer) \(message)"
    }
}
