// TLSSource: where a listener finds the certificates for its next connection.

package import TLS

/// The TLS context for new connections, which a reload replaces.
///
/// Loop-confined.
package final class TLSSource {
    /// The present context.
    package var context: TLSContext

    /// Holds `context`.
    package init(_ context: TLSContext) { self.context = context }
}
