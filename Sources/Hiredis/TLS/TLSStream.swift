import CHiredis
import DequeModule
import Glibc

/// TLS over a socket that does not block: encrypts, sends, receives and decrypts.
///
/// What TLS has to say itself, such as in its handshake, is sent with the next bytes. So the socket needs to be watched
/// for being writable only while `hasUnsent`, whether that comes of a read or of a write.
final class TLSStream {
  /// A record that the server's host has not acknowledged as a whole.
  private struct Record {
    /// How many bytes it contains.
    let count: Int
    /// Where it begins and ends among the encrypted bytes.
    let place: Range<Int>
  }

  /// The largest buffer, in bytes, that is kept for the next bytes.
  private static let keptOutput = 128 << 10
  /// How many bytes are encrypted at a time.
  private static let batch = 64 << 10
  /// How many records are remembered before it is looked which of them are acknowledged.
  private static let rememberedRecords = 256

  private let session: TLSSession
  private var buffer = [UInt8](repeating: 0, count: TLSSession.longestRecord + 512)
  /// Encrypted bytes.
  private var output: [UInt8] = []
  private var outputStart = 0
  /// How many encrypted bytes the kernel has accepted.
  private var sent = 0
  private var records = Deque<Record>()
  /// How many bytes the acknowledged records contained.
  private var acknowledged = 0

  /// A stream whose handshake has not begun.
  init(_ session: TLSSession) {
    self.session = session
  }

  /// Whether the handshake has ended, so that bytes can be encrypted.
  var isEstablished: Bool { session.isEstablished }

  /// Whether there are encrypted bytes to send.
  var hasUnsent: Bool { outputStart < output.count }

  /// Begins the handshake, or continues it as far as possible.
  func shakeHands() throws(LinkFailure) {
    if isEstablished { return }
    try session.shakeHands()
    session.takeOutput(into: &output)
  }

  /// Encrypts the first of some bytes, to be sent.
  /// - Returns: how many.
  func encrypt(_ bytes: ArraySlice<UInt8>) throws(LinkFailure) -> Int {
    var rest = bytes.prefix(Self.batch)
    while !rest.isEmpty {
      let start = sent + output.count - outputStart
      let outcome = rest.withUnsafeBytes { bytes in Result { () throws(LinkFailure) in try session.write(bytes) } }
      let count = try outcome.get()
      session.takeOutput(into: &output)
      records.append(Record(count: count, place: start..<sent + output.count - outputStart))
      rest = rest.dropFirst(count)
    }
    return min(bytes.count, Self.batch)
  }

  /// Sends as many encrypted bytes as the kernel accepts.
  func send(on descriptor: Int32) throws(LinkFailure) {
    guard hasUnsent else { return }
    let count = output.withUnsafeBytes { bytes in
      Glibc.send(
        descriptor, bytes.baseAddress.map { $0 + outputStart }, bytes.count - outputStart,
        Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return }
      throw LinkFailure("cannot write", errno: errno)
    }
    sent += count
    outputStart += count
    // Nothing asks while replies come at once.
    if records.count > Self.rememberedRecords { _ = delivered(on: descriptor) }
    if hasUnsent { return }
    output.removeAll(keepingCapacity: output.capacity <= Self.keptOutput)
    outputStart = 0
  }

  /// Reads once from the socket, up to the length of a record, and passes all that can be decrypted to hiredis.
  ///
  /// Nothing that can be decrypted is left, for which `poll` would not wake.
  func read(from descriptor: Int32, into reader: UnsafeMutablePointer<redisReader>) throws(LinkFailure) {
    let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return }
      throw LinkFailure("cannot read", errno: errno)
    }
    if count == 0 { throw isEstablished ? .closed : .closedInHandshake }
    do throws(LinkFailure) {
      try buffer.withUnsafeBytes { bytes in
        Result { () throws(LinkFailure) in try session.receive(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
      }.get()
      try shakeHands()
      if isEstablished { try decrypt(into: reader) }
    } catch {
      // An alert tells the server why.
      session.takeOutput(into: &output)
      try? send(on: descriptor)
      throw error
    }
    session.takeOutput(into: &output)
  }

  private func decrypt(into reader: UnsafeMutablePointer<redisReader>) throws(LinkFailure) {
    var hasDecrypted = false
    while true {
      let count = try buffer.withUnsafeMutableBytes { bytes in
        Result { () throws(LinkFailure) in try session.read(into: bytes) }
      }.get()
      guard let count else {
        // What came before the end is handled first; the socket stays readable.
        if hasDecrypted { return }
        throw .closed
      }
      if count == 0 { return }
      hasDecrypted = true
      let status = buffer.withUnsafeBytes { redisReaderFeed(reader, $0.baseAddress, count) }
      if status != REDIS_OK { throw LinkFailure("out of memory") }
    }
  }

  /// How many bytes the server's host has acknowledged.
  ///
  /// A part of a record counts, because a large one may take its time on a slow line, but never as the whole record.
  func delivered(on descriptor: Int32) -> Int {
    var held: Int32 = 0
    let arrived = get_unsent(descriptor, &held) == 0 ? sent - Int(held) : sent
    while let record = records.first, record.place.upperBound <= arrived {
      acknowledged += record.count
      records.removeFirst()
    }
    guard let record = records.first else { return acknowledged }
    return acknowledged + max(0, min(arrived - record.place.lowerBound, record.count - 1))
  }

  /// Tells the server that the connection ends, if the socket takes it at once.
  func close(on descriptor: Int32) {
    session.close()
    session.takeOutput(into: &output)
    try? send(on: descriptor)
  }
}
