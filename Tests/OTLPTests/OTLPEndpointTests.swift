import Testing
import Tracing

@testable import OTLP

/// OpenTelemetry's variables for exporters.
@Suite struct OTLPEndpointTests {
  private func read(_ variables: [String: String]) -> OTLPEndpoint.Reading {
    OTLPEndpoint.read(service: "wf-worker", version: "1.2") { variables[$0] }
  }

  @Test(arguments: [
    ("EXPORTER_OTLP_ENDPOINT", "http://h:4318", "http://h:4318/v1/traces"),
    ("EXPORTER_OTLP_ENDPOINT", "http://h:4318/", "http://h:4318/v1/traces"),
    ("EXPORTER_OTLP_ENDPOINT", "https://h/otlp", "https://h/otlp/v1/traces"),
    ("EXPORTER_OTLP_TRACES_ENDPOINT", "http://h:4318/", "http://h:4318/"),
    ("EXPORTER_OTLP_TRACES_ENDPOINT", "http://h/own", "http://h/own"),
  ])
  func `An endpoint for all signals gets the path of spans, one for spans is as it is`(
    _ name: String, _ given: String, _ url: String
  ) { #expect(read(["OTEL_\(name)": given]).endpoint?.url == url) }

  @Test func `Without an endpoint, and where it is turned off, no span is written`() {
    #expect(read([:]).endpoint == nil && read([:]).warnings == [])
    for off in [["OTEL_SDK_DISABLED": "TRUE"], ["OTEL_TRACES_EXPORTER": "none"]] {
      let reading = read(off.merging(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"]) { $1 })
      #expect(reading.endpoint == nil && reading.warnings == [])
    }
    #expect(read(["OTEL_SDK_DISABLED": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"]).endpoint != nil)
  }

  @Test(arguments: ["a=%+5", "a=%4", "a=%zz", "a=%ff"])
  func `Percent signs without two hexadecimal digits of UTF-8 are warned of`(text: String) {
    let reading = read(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_EXPORTER_OTLP_HEADERS": text])
    #expect(reading.endpoint?.headers.isEmpty == true && reading.warnings.count == 1)
  }

  @Test func `Headers, time limit and resource are read; those for spans come first`() throws {
    let reading = read([
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_EXPORTER_OTLP_HEADERS": "a=1",
      "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "Authorization=Bearer%20x, b = y=z", "OTEL_EXPORTER_OTLP_TIMEOUT": "5",
      "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2500", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,host.name=db1",
    ])
    let endpoint = try #require(reading.endpoint)
    #expect(endpoint.headers.map(\.name) == ["Authorization", "b"])
    #expect(endpoint.headers.map(\.value) == ["Bearer x", "y=z"])
    #expect(endpoint.timeout == .milliseconds(2_500))
    #expect(reading.resource.map(\.name) == ["service.name", "service.version", "host.name"])
    #expect(reading.resource.map(\.value) == [.text("other"), .text("1.2"), .text("db1")])
    let named = read(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_SERVICE_NAME": "mine"])
    #expect(named.resource.first?.value == .text("mine"))
    #expect(named.endpoint?.timeout == .seconds(10) && named.warnings == [])
  }

  @Test(arguments: [
    ("OTEL_EXPORTER_OTLP_HEADERS", "a"), ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0d%0a"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_RESOURCE_ATTRIBUTES", "=x"),
  ])
  func `A variable that is wrong is ignored with a warning that names it`(_ name: String, _ value: String) {
    let reading = read(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", name: value])
    #expect(reading.endpoint?.headers.isEmpty == true)
    #expect(reading.warnings.count == 1 && reading.warnings.first?.hasPrefix(name) == true)
  }

  @Test(arguments: ["h:4318", "ftp://h", "http://h x"])
  func `An endpoint that is no URL writes no span, and is named`(_ given: String) {
    let reading = read(["OTEL_EXPORTER_OTLP_ENDPOINT": given])
    #expect(reading.endpoint == nil)
    #expect(reading.warnings.first?.hasPrefix("OTEL_EXPORTER_OTLP_ENDPOINT") == true)
  }
}
