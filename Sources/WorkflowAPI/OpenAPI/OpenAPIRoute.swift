import ExactJSON
import FastCGI
import Synchronization
import Workflow

/// `GET /workflow/openapi.json`: the OpenAPI document of the API, this route included.
///
/// It is written when it is first asked for, and again when workers have other operations; it is kept as text.
final class OpenAPIRoute: Route {
  let method = "GET"
  let pattern = ["workflow", "openapi.json"]
  private let catalog: OperationCatalog
  private let write: @Sendable (OpenAPIRoute, DefinitionReader) -> OpenAPIDocument
  private let written = Mutex<(text: [UInt8], tag: String, version: Int)?>(nil)

  /// - Parameter write: makes the document; it is given this route, and what reads bodies.
  init(
    _ catalog: OperationCatalog, _ write: @escaping @Sendable (OpenAPIRoute, DefinitionReader) -> OpenAPIDocument
  ) {
    self.catalog = catalog
    self.write = write
  }

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "getOpenAPI", summary: "This document",
      parameters: [.ifNoneMatch],
      answers: [
        .init(
          status: 200, meaning: "The document.", content: ("application/json", ["type": "object"]), headers: ["ETag"]),
        .empty(304, "The document is the one that the client has.", headers: ["ETag"]),
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let (text, tag) = await document()
    // Clients may keep it, and ask whether it is still the same.
    let headers = [(name: "ETag", value: tag), (name: "Cache-Control", value: "no-cache")]
    if EntityTags.match(request.headers("If-None-Match"), tag) {
      return FastCGIResponse(status: 304, headers: headers)
    }
    return FastCGIResponse(
      status: 200, headers: [(name: "Content-Type", value: "application/json")] + headers, body: .bytes(text))
  }

  /// The text and its entity tag; written in the global pool, as it takes longer than a short job may.
  private func document() async -> (text: [UInt8], tag: String) {
    let (reader, version) = catalog.current
    if let known = written.withLock({ $0 }), known.version == version { return (known.text, known.tag) }
    return await withTaskExecutorPreference(globalConcurrentExecutor) {
      let text = JSONValue.object(write(self, reader).json).bytes
      let tag = "\"\(String(Self.hash(text), radix: 16))\""
      written.withLock { $0 = (text, tag, version) }
      return (text, tag)
    }
  }

  /// FNV-1a: processes of one version have the same tag.
  private static func hash(_ text: [UInt8]) -> UInt64 {
    text.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
