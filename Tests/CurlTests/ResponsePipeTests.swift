import Testing

@testable import Curl

struct ResponsePipeTests {
  private func write(_ bytes: [UInt8], to pipe: ResponsePipe) -> ResponsePipe.Acceptance {
    bytes.withUnsafeBytes { pipe.write($0) }
  }

  @Test func `a full pipe takes nothing until its reader has caught up`() async throws {
    let pipe = ResponsePipe(limit: 4)
    #expect(write([1, 2, 3], to: pipe) == .accepted)
    #expect(!pipe.takePause())
    #expect(write([4, 5], to: pipe) == .full)
    #expect(try await pipe.next().get() == [1, 2, 3])
    #expect(pipe.takePause())
    #expect(!pipe.takePause())
    #expect(write([4, 5, 6, 7, 8, 9], to: pipe) == .accepted)
  }

  @Test func `the first end wins`() async {
    let pipe = ResponsePipe(limit: 4)
    #expect(pipe.finish(.failure(.closed)))
    #expect(!pipe.finish(.success(())))
    #expect(write([1], to: pipe) == .ended)
    #expect(await pipe.next() == .failure(.closed))
  }

  @Test func `bytes outlive a broken connection, but not a cancellation`() async {
    for (error, bytes) in [(HTTPError.interrupted("reset"), [1] as [UInt8]?), (.cancelled, nil)] {
      let pipe = ResponsePipe(limit: 4)
      _ = write([1], to: pipe)
      pipe.finish(.failure(error))
      if let bytes { #expect(await pipe.next() == .success(bytes)) }
      #expect(await pipe.next() == .failure(error))
    }
  }

  @Test func `a reader that waits is woken by bytes and by the end`() async {
    let pipe = ResponsePipe(limit: 4)
    async let piece = pipe.next()
    _ = write([1], to: pipe)
    #expect(await piece == .success([1]))
    async let end = pipe.next()
    pipe.finish(.success(()))
    #expect(await end == .success(nil))
  }
}
