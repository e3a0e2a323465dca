import CHiredis
import Glibc

/// One non-blocking socket to a Redis: hiredis's context with the parser of the answers, and the bytes that are to be
/// written.
///
/// Belongs to the thread that made it.
///
/// hiredis's plain context is used rather than its asynchronous one, which frees itself in the midst of a call and
/// keeps callbacks of its own; the pipeline keeps the order here. Its output buffer is not used either: it moves all
/// that is left after each write, which takes time by the square of a large command.
final class RedisSocket {
  /// What a socket connects to, without a lookup.
  enum Target {
    /// A numeric address.
    case tcp(address: String, port: Int)
    /// A unix socket.
    case unix(path: String)
  }

  /// Room that is kept for the next commands, in bytes.
  private static let keptOutput = 256 * 1024

  private let context: UnsafeMutablePointer<redisContext>

  private var output: [UInt8] = []
  private var outputStart = 0

  /// Bytes handed to the kernel so far.
  private(set) var written = 0

  /// True while bytes that were appended have not been written.
  var hasUnwritten: Bool { outputStart < output.count }

  /// How many bytes the server's side has taken: those that were written, less those that the kernel still holds.
  var delivered: Int {
    var held: Int32 = 0
    return get_unsent(descriptor, &held) == 0 ? written - Int(held) : written
  }

  /// Begins to connect; the socket is writable once it has ended, one way or the other.
  init(_ target: Target) throws(LinkFailure) {
    let context =
      switch target {
      case .tcp(let address, let port): redisConnectNonBlock(address, Int32(port))
      case .unix(let path): redisConnectUnixNonBlock(path)
      }
    guard let context else { throw LinkFailure("out of memory") }
    self.context = context
    try check(context.pointee.err)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    if case .tcp = target { noticeDeadPeers() }
  }

  deinit { redisFree(context) }

  /// The socket, for `poll`.
  var descriptor: Int32 { context.pointee.fd }

  /// Asks how connecting ended.
  func finishConnecting() throws(LinkFailure) {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
    if code != 0 { throw LinkFailure("cannot connect", errno: code) }
  }

  /// Adds bytes to those that are to be written.
  func append(_ bytes: [UInt8]) {
    output += bytes
  }

  /// Notes bytes that another thread has written to the socket.
  func noteWritten(_ count: Int) {
    written += count
  }

  /// Writes as much as the kernel takes.
  func write() throws(LinkFailure) {
    guard hasUnwritten else { return }
    let count = output.withUnsafeBytes { bytes in
      send(
        descriptor, bytes.baseAddress.map { $0 + outputStart }, bytes.count - outputStart,
        Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return }
      throw LinkFailure("cannot write", errno: errno)
    }
    written += count
    outputStart += count
    if hasUnwritten { return }
    output.removeAll(keepingCapacity: output.capacity <= Self.keptOutput)
    outputStart = 0
  }

  /// Reads once, up to 16 KiB.
  func read() throws(LinkFailure) {
    try check(redisBufferRead(context))
  }

  /// The next answer that has been read in full, or nil.
  func nextReply() throws(LinkFailure) -> RedisReply? {
    var reply: UnsafeMutableRawPointer?
    try check(redisGetReplyFromReader(context, &reply))
    guard let reply else { return nil }
    defer { freeReplyObject(reply) }
    return RedisReply(copying: reply.assumingMemoryBound(to: redisReply.self).pointee)
  }

  private func check(_ status: Int32) throws(LinkFailure) {
    if status == REDIS_OK { return }
    let reason = withUnsafeBytes(of: &context.pointee.errstr) { text in
      String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
    throw LinkFailure(reason)
  }

  /// A peer that vanished without a word is noticed within some ten seconds, idle or not.
  private func noticeDeadPeers() {
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 5)
    set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 2)
    set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
    set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 10_000)  // ms
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
  }

  private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}
