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
  private let digestInCluster = Mutex<String?>(nil)

  /// Creates a script. Nothing is sent yet.
  public init(name: String, source: String) {
    self.name = name
    self.source = source
  }

  /// The SHA-1 digest that `SCRIPT LOAD` returned; nil before that.
  func digest(inCluster: Bool) -> String? {
    inCluster ? digestInCluster.withLock { $0 } : knownDigest.withLock { $0 }
  }

  /// Notes what `SCRIPT LOAD` returned.
  func note(digest: String, inCluster: Bool) {
    if inCluster { digestInCluster.withLock { $0 = digest } } else { knownDigest.withLock { $0 = digest } }
  }

  /// The source that a server is sent.
  ///
  /// In a cluster it begins with the line ``guardOfSlot``, and its messages go to the nodes of their channel's slot
  /// only: `SPUBLISH` takes the place of `PUBLISH`, which must be written as `'PUBLISH'`.
  func source(inCluster: Bool) -> String {
    if !inCluster { return source }
    let sharded = source.replacing("'PUBLISH'", with: "'SPUBLISH'")
    guard sharded.hasPrefix("#!"), let end = sharded.firstIndex(of: "\n") else { return Self.guardOfSlot + sharded }
    // On the line after the first, which names the engine, so that errors name the lines of the source.
    return sharded[...end] + Self.guardOfSlot + sharded[sharded.index(after: end)...]
  }

  /// Looks for a key that never exists in the slot of the script's keys.
  ///
  /// While a slot is being moved its keys are at two nodes. The node that it is moved from raises an error when a
  /// script touches a key that is not there, which may be halfway through a script that has written before. This line
  /// has it raise the error before anything is written (seen with Redis 7.0.15 and 8.2.3, and with Valkey 9.1.2).
  ///
  /// A key without a hash tag has no others in its slot, so the declared keys are all, and the server itself looks at
  /// those first.
  private static let guardOfSlot =
    "if KEYS[1] and string.find(KEYS[1], '{', 1, true) then redis.call('EXISTS', KEYS[1] .. ':moved?') end "
}
