import Testing

@testable import Curl

struct ResponseBufferTests {
  private func write(_ bytes: [UInt8], to buffer: ResponseBuffer) -> ResponseBuffer.Acceptance {
    bytes.withUnsafeBytes { buffer.write($0) }
  }

  @Test func `a full buffer takes nothing until its reader has caught up`() async throws {
    let buffer = ResponseBuffer(limit: 4)
    #expect(write([1, 2, 3], to: buffer) == .accepted)
    #expect(write([4, 5], to: buffer) == .full)
    let first = await buffer.next()
    #expect(try first.bytes.get() == [1, 2, 3])
    #expect(first.isPaused)
    #expect(write([4, 5, 6, 7, 8, 9], to: buffer) == .accepted)
    let second = await buffer.next()
    #expect(try second.bytes.get() == [4, 5, 6, 7, 8, 9])
    #expect(!second.isPaused)
  }

  @Test func `the first end wins`() async {
    let buffer = ResponseBuffer(limit: 4)
    #expect(buffer.finish(.failure(.closed)))
    #expect(!buffer.finish(.success(())))
    #expect(write([1], to: buffer) == .ended)
    #expect(await buffer.next().bytes == .failure(.closed))
  }

  @Test func `bytes outlive a broken connection, but not a cancellation`() async {
    for (error, bytes) in [(HTTPError.interrupted("reset"), [1] as [UInt8]?), (.cancelled, nil)] {
      let buffer = ResponseBuffer(limit: 4)
      _ = write([1], to: buffer)
      buffer.finish(.failure(error))
      if let bytes { #expect(await buffer.next().bytes == .success(bytes)) }
      #expect(await buffer.next().bytes == .failure(error))
    }
  }

  @Test func `a reader that waits is woken by bytes and by the end`() async {
    let buffer = ResponseBuffer(limit: 4)
    async let piece = buffer.next()
    _ = write([1], to: buffer)
    #expect(await piece.bytes == .success([1]))
    async let end = buffer.next()
    buffer.finish(.success(()))
    #expect(await end.bytes == .success(nil))
  }
}
