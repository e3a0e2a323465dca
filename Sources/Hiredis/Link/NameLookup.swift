import Glibc
import LinuxSupport
import Synchronization

/// Resolves a host name on a separate thread: `getaddrinfo` may block for half a minute, longer than the deadlines of
/// commands allow.
final class NameLookup: Sendable {
  private let outcome = Mutex<Result<[String], LinkFailure>?>(nil)

  /// Starts the lookup, and wakes the link's thread when it has ended.
  /// - Throws: `LinkFailure` when no thread can be started.
  init(host: String, waker: Waker) throws(LinkFailure) {
    do {
      try SystemThread.detach(name: "redis-lookup") { [weak self] in
        let outcome = Self.resolve(host)
        self?.outcome.withLock { $0 = outcome }
        waker.wake()
      }
    } catch {
      throw LinkFailure("cannot start a thread to look up \(host)", errno: error.code)
    }
  }

  /// The numeric addresses, IPv4 first, or the failure; nil until the lookup has ended.
  var result: Result<[String], LinkFailure>? { outcome.withLock { $0 } }

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
