// RequestHandler: what the floor above must answer. The one protocol between HTTP and the gateway.

package import Bytes

/// What becomes of a request's body.
package enum BodyPlan {
    /// Collect up to `limit` decoded bytes, then call `complete`.
    case collect(limit: Int)
    /// Hand each piece of up to `limit` decoded bytes in all to the exchange's `onBody` as it arrives;
    /// `complete` is not called.
    case stream(limit: Int)
    /// The answer does not need the body; what comes of it is skipped.
    case skip
}

/// Answers requests.
///
/// Loop-confined.
package protocol RequestHandler: AnyObject {
    /// A head has arrived. Answer now, or say how the body is to be taken.
    ///
    /// The head's bytes are readable until this returns, and again in `complete`.
    func receive(_ exchange: Exchange) -> BodyPlan

    /// The body is in `exchange.body`, readable until this returns.
    func complete(_ exchange: Exchange)

    /// Writes the body of the answer to a request that the server itself refuses, and returns its
    /// media type.
    func describe(
        _ refusal: Refusal, of exchange: Exchange, into body: inout ByteBuffer
    ) -> StaticString

    /// An exchange has ended: answered, or abandoned by its peer.
    func ended(_ exchange: Exchange)
}
