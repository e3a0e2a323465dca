import Synchronization

/// A Lua script, which Redis identifies by the digest of its source.
///
/// The first `SCRIPT LOAD` returns the digest. It depends on the source only, so a script can be shared by all
/// connections, and the digest stays valid when a server has lost the script.
public final class RedisScript: Sendable {
  /// The name of the script in logs and errors.
  public let name: String

  /// The source, in Lua.
  public let source: String

  /// Of the scripts of this process, in the order in which they were made, from 0.
  public let number = RedisScript.count.add(1, ordering: .relaxed).oldValue
  private static let count = Atomic(0)

  private let knownDigest = Mutex<String?>(nil)

  /// Creates a script. Nothing is sent yet.
  public init(name: String, source: String) {
    self.name = name
    self.source = source
  }

  /// The SHA-1 digest that `SCRIPT LOAD` returned; nil before that.
  var digest: String? {
    get { knownDigest.withLock { $0 } }
    set { knownDigest.withLock { $0 = newValue } }
  }
}
