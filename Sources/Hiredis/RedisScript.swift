import Synchronization

/// A Lua script that runs inside Redis, known to it by the digest of its source.
///
/// The digest is learnt from the first `SCRIPT LOAD`. It depends on the source alone, so one script serves every
/// connection, and it stays right when a server has forgotten the script.
public final class RedisScript: Sendable {
  /// What the script is called in logs and errors.
  public let name: String

  /// The Lua text.
  public let source: String

  private let knownDigest = Mutex<String?>(nil)

  /// A script that no server has been told of yet.
  public init(name: String, source: String) {
    self.name = name
    self.source = source
  }

  /// The SHA-1 that Redis answered to `SCRIPT LOAD`; nil until then.
  var digest: String? {
    get { knownDigest.withLock { $0 } }
    set { knownDigest.withLock { $0 = newValue } }
  }
}
