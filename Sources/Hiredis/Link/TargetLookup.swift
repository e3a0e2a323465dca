import Glibc
import LinuxSupport
import Synchronization

/// Finds out where to connect to on a separate thread: `getaddrinfo` may block for half a minute, longer than the
/// deadlines of commands allow.
final class TargetLookup: Sendable {
  /// Where to connect to.
  struct Found: Sendable {
    /// The resolved endpoints, to be tried in this order.
    let targets: [RedisSocket.Target]
    /// The sentinel that named the server; nil without sentinels.
    var sentinel: SentinelAnswer?
  }

  private let outcome = Mutex<Result<Found, LinkFailure>?>(nil)

  /// Starts the lookup, and wakes the link's thread when it has ended.
  /// - Parameters:
  ///   - name: what is looked up, for the error.
  ///   - find: looks it up; may block.
  /// - Throws: `LinkFailure` when no thread can be started.
  init(_ name: String, waker: Waker, find: @escaping @Sendable () -> Result<Found, LinkFailure>) throws(LinkFailure) {
    do {
      try SystemThread.detach(name: "redis-lookup") { [weak self] in
        let outcome = find()
        self?.outcome.withLock { $0 = outcome }
        waker.wake()
      }
    } catch {
      throw LinkFailure("cannot start a thread to look up \(name)", errno: error.code)
    }
  }

  /// The targets, or the failure; nil until the lookup has ended.
  var result: Result<Found, LinkFailure>? { outcome.withLock { $0 } }
}

/// Resolves host names.
enum NameLookup {
  /// The endpoints of a port of a host, IPv4 first. Blocks.
  static func targets(of host: RedisAddress.Host) -> Result<[RedisSocket.Target], LinkFailure> {
    resolve(host.name).map { $0.map { .tcp(address: $0, port: host.port) } }
  }

  private static func resolve(_ host: String) -> Result<[String], LinkFailure> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &found)
    guard status == 0 else { return .failure(LinkFailure("\(host): \(String(cString: gai_strerror(status)))")) }
    defer { freeaddrinfo(found) }
    let list = sequence(first: found) { $0?.pointee.ai_next }
    let all = list.prefix { $0 != nil }.compactMap { $0?.pointee }
    let preferred = all.filter { $0.ai_family == AF_INET } + all.filter { $0.ai_family != AF_INET }
    return .success(preferred.compactMap(numeric))
  }

  private static func numeric(_ address: addrinfo) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { text in
      let status = getnameinfo(
        address.ai_addr, address.ai_addrlen, text.baseAddress, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
      return status == 0 ? text.baseAddress.map { String(cString: $0) } : nil
    }
  }
}
