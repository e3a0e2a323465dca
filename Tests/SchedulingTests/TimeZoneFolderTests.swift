import Glibc
import Scheduling
import Testing

@Suite
struct TimeZoneFolderTests {
  @Test func `The zones of the system are read`() throws {
    for (name, text) in [
      ("Europe/Berlin", "2024-07-01T14:00:00+02:00"), ("America/Sao_Paulo", "2024-07-01T09:00:00-03:00"),
      ("Asia/Kathmandu", "2024-07-01T17:45:00+05:45"), ("Australia/Lord_Howe", "2024-07-01T22:30:00+10:30"),
      ("America/Argentina/Buenos_Aires", "2024-07-01T09:00:00-03:00"), ("Etc/GMT+5", "2024-07-01T07:00:00-05:00"),
      ("Pacific/Apia", "2024-07-02T01:00:00+13:00"), ("UTC", "2024-07-01T12:00:00+00:00"),
    ] {
      let zone = try TimeZoneFolder.system.zone(named: name)
      #expect(zone.name == name)
      #expect(zone.text(of: try instant("2024-07-01T12:00:00")) == text)
      #expect(try TimeZoneFolder.system.zone(named: name) == zone)
    }
  }

  @Test func `The zones of the system have the changes of past years`() throws {
    let saoPaulo = try TimeZoneFolder.system.zone(named: "America/Sao_Paulo")
    #expect(
      try times("0 0 * * *", saoPaulo, after: "2018-11-03T03:00:00", 2) == [
        "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00",
      ])
    let berlin = try TimeZoneFolder.system.zone(named: "Europe/Berlin")
    #expect(
      try times("30 2 * * *", berlin, after: "2024-03-30T12:00:00", 2) == [
        "2024-03-31T03:00:00+02:00", "2024-04-01T02:30:00+02:00",
      ])
  }

  @Test(arguments: [
    "", "/", "/etc/localtime", "..", "../zoneinfo/Europe/Berlin", "Europe/../Europe/Berlin", "Europe/Berlin/",
    "Europe//Berlin",
    "/Europe/Berlin", "./UTC", "Europe/.", "posix/Europe/Berlin", "right/UTC", "localtime", "posixrules", "tzdata.zi",
    "zone.tab",
    "leapseconds", "europe/berlin", "Europe/Berlin\u{0}", "Europe/Berl n", "CET-1CEST,M3.5.0,M10.5.0/3",
    "Europe/Zürich", ":UTC",
    "+02:00", String(repeating: "A", count: 101),
  ])
  func `What has not the form of a name is refused`(name: String) {
    #expect(throws: TimeZoneError.invalidName(name)) { try TimeZoneFolder.system.zone(named: name) }
    #expect(TimeZoneError.invalidName(name).description.contains("such as Europe/Berlin or UTC."))
  }

  @Test(arguments: ["Europe/Bielefeld", "Berlin", "Europe", "America/Argentina", "EUROPE/BERLIN", "UTC/Berlin"])
  func `A name that no zone has is refused`(name: String) {
    #expect(throws: TimeZoneError.unknown(name)) { try TimeZoneFolder.system.zone(named: name) }
  }

  @Test func `A host without zones still has UTC, and is told what to install`() throws {
    let folder = TimeZoneFolder(path: "/nonexistent/zoneinfo")
    #expect(try folder.zone(named: "UTC") == .utc)
    #expect(throws: TimeZoneError.noFolder("/nonexistent/zoneinfo")) { try folder.zone(named: "Europe/Berlin") }
    #expect(
      TimeZoneError.noFolder("/a").description
        == "There are no time zones on this host: /a does not exist. Install tzdata.")
  }

  @Test func `Files that are no zones, or that change, are seen`() throws {
    var path = Array("/tmp/wf-zones-XXXXXX".utf8CString)
    try #require(mkdtemp(&path) != nil)
    let folder = String(decoding: path.dropLast().map(UInt8.init), as: UTF8.self)
    defer {
      for name in ["Zone", "Fifo"] { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }
    let zones = TimeZoneFolder(path: folder)
    try #require(mkfifo("\(folder)/Fifo", 0o600) == 0)
    #expect(throws: TimeZoneError.unknown("Fifo")) { try zones.zone(named: "Fifo") }

    try write(TZifFile(footer: Zones.berlin).bytes, to: "\(folder)/Zone")
    let first = try zones.zone(named: "Zone")
    try write(TZifFile(footer: Zones.beirut).bytes, to: "\(folder)/Zone")
    let second = try zones.zone(named: "Zone")
    #expect(first.digest != second.digest)
    #expect((first.offset(at: 0), second.offset(at: 0)) == (3_600, 7_200))

    for bytes in [[], Array("no zone\n".utf8), [UInt8](repeating: 0, count: 300_000)] {
      try write(bytes, to: "\(folder)/Zone")
      let error = #expect(throws: TimeZoneError.self) { try zones.zone(named: "Zone") }
      #expect(error?.description.hasPrefix("The data of the time zone Zone are damaged: ") == true)
    }
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    try #require(file >= 0)
    defer { close(file) }
    try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
  }
}
