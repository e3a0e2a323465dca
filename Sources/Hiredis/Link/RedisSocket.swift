import CHiredis
import Glibc

/// A non-blocking socket to Redis: hiredis's context, which parses the replies, and the bytes to write.
///
/// It belongs to the thread that created it.
///
/// hiredis's asynchronous context is not used: it may free itself during a call and has its own queue of callbacks,
/// which is the pipeline's task here. Its output buffer is not used either: it moves all remaining bytes after each
/// write, so a large command takes quadratic time.
///
/// With TLS the bytes to write are encrypted piece by piece, and hiredis gets what was decrypted. Callers see the same
/// socket: they may add bytes at once, and these wait until the TLS handshake has ended.
final class RedisSocket {
  /// A resolved endpoint.
  enum Target {
    /// A numeric address.
    case tcp(address: String, port: Int)
    /// A unix socket.
    case unix(path: String)
  }

  /// The largest buffer, in bytes, that is kept for the next commands.
  private static let keptOutput = 256 << 10

  private let context: UnsafeMutablePointer<redisContext>
  private let builder = ReplyBuilder()
  private let tls: TLSStream?

  /// Whether a reply may reveal that the server speaks TLS.
  private var awaitsFirstReply: Bool

  private var output: [UInt8] = []
  private var outputStart = 0

  /// How many bytes the kernel has accepted so far; with TLS, how many were encrypted for it.
  private(set) var written = 0

  /// Whether there are bytes that can be written now.
  var hasUnwritten: Bool {
    guard let tls else { return hasOutput }
    return tls.hasUnsent || (tls.isEstablished && hasOutput)
  }

  private var hasOutput: Bool { outputStart < output.count }

  /// How many bytes the server's host has acknowledged: those written, less those still in the kernel's send queue.
  var delivered: Int {
    if let tls { return tls.delivered(on: descriptor) }
    var held: Int32 = 0
    return get_unsent(descriptor, &held) == 0 ? written - Int(held) : written
  }

  /// Whether other threads may write commands to the descriptor.
  var takesBytesAsTheyAre: Bool { tls == nil }

  /// Whether the TLS handshake has not ended yet.
  var awaitsTLS: Bool { tls?.isEstablished == false }

  /// Starts to connect. The socket becomes writable when that has succeeded or failed.
  /// - Throws: `LinkFailure` when it fails at once.
  init(_ target: Target, tls: TLSStream? = nil) throws(LinkFailure) {
    let context =
      switch target {
      case .tcp(let address, let port): redisConnectNonBlock(address, Int32(port))
      case .unix(let path): redisConnectUnixNonBlock(path)
      }
    guard let context else { throw LinkFailure("out of memory") }
    self.context = context
    self.tls = tls
    if case .tcp = target { awaitsFirstReply = tls == nil } else { awaitsFirstReply = false }
    builder.attach(to: context.pointee.reader)
    try check(context.pointee.err)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    if case .tcp = target { noticeDeadPeers() }
  }

  deinit {
    tls?.close(on: descriptor)
    redisFree(context)
  }

  /// The socket, for `poll`.
  var descriptor: Int32 { context.pointee.fd }

  /// Checks whether connecting has succeeded.
  /// - Throws: `LinkFailure` when it has failed.
  func finishConnecting() throws(LinkFailure) {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
    if code != 0 { throw LinkFailure("cannot connect", errno: code) }
  }

  /// Adds bytes to write.
  func append(_ bytes: [UInt8]) {
    output += bytes
  }

  /// Counts bytes that another thread has written to the socket.
  func noteWritten(_ count: Int) {
    written += count
  }

  /// Writes as much as the kernel accepts; with TLS, some of it.
  func write() throws(LinkFailure) {
    if let tls { return try write(through: tls) }
    guard hasOutput else { return }
    let count = output.withUnsafeBytes { bytes in
      send(
        descriptor, bytes.baseAddress.map { $0 + outputStart }, bytes.count - outputStart,
        Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return }
      throw LinkFailure("cannot write", errno: errno)
    }
    noteTaken(count)
  }

  private func write(through tls: TLSStream) throws(LinkFailure) {
    do throws(LinkFailure) {
      try tls.shakeHands()
      if tls.isEstablished, !tls.hasUnsent, hasOutput { noteTaken(try tls.encrypt(output[outputStart...])) }
      try tls.send(on: descriptor)
    } catch {
      // The server may have said why it closes the connection.
      try read()
      throw error
    }
  }

  private func noteTaken(_ count: Int) {
    written += count
    outputStart += count
    if hasOutput { return }
    output.removeAll(keepingCapacity: output.capacity <= Self.keptOutput)
    outputStart = 0
  }

  /// Reads once, up to 16 KiB.
  func read() throws(LinkFailure) {
    if let tls { return try tls.read(from: descriptor, into: context.pointee.reader) }
    do throws(LinkFailure) { try check(redisBufferRead(context)) } catch {
      throw awaitsFirstReply ? .noFirstReply(error) : error
    }
  }

  /// The next complete reply; nil if there is none.
  func nextReply() throws(LinkFailure) -> RedisReply? {
    var reply: UnsafeMutableRawPointer?
    try check(redisGetReplyFromReader(context, &reply))
    if reply == nil { return nil }
    awaitsFirstReply = false
    return builder.take()
  }

  private func check(_ status: Int32) throws(LinkFailure) {
    if status == REDIS_OK { return }
    let reason = withUnsafeBytes(of: &context.pointee.errstr) { text in
      String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
    // The first byte of a TLS alert.
    if awaitsFirstReply, reason.hasPrefix(#"Protocol error, got "\x15""#) { throw .serverSpeaksTLS }
    throw LinkFailure(reason)
  }

  /// Sets keepalive options, so that a dead peer is detected within about ten seconds.
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
