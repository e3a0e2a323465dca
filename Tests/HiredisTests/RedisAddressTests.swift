import Hiredis
import Testing

@Suite struct RedisAddressTests {
  @Test func `A host alone means the usual port and the first database`() throws {
    let address = try RedisAddress("redis://cache.example")
    #expect(address.endpoint == .tcp(host: "cache.example", port: 6379))
    #expect(address.database == 0)
    #expect(address.user == nil && address.password == nil)
  }

  @Test func `Every part of a TCP address is taken`() throws {
    let address = try RedisAddress("redis://app:s3cret@10.0.0.7:6380/5")
    #expect(address.endpoint == .tcp(host: "10.0.0.7", port: 6380))
    #expect(address.user == "app" && address.password == "s3cret" && address.database == 5)
  }

  @Test func `A numeric IPv6 host stands in brackets`() throws {
    #expect(try RedisAddress("redis://[::1]").endpoint == .tcp(host: "::1", port: 6379))
    let address = try RedisAddress("redis://[fd00::2]:7000/1")
    #expect(address.endpoint == .tcp(host: "fd00::2", port: 7000))
    #expect(address.description == "redis://[fd00::2]:7000/1")
  }

  @Test func `Every part of a socket's address is taken`() throws {
    let plain = try RedisAddress("redis+unix:///run/redis@1/redis.sock?db=3")
    #expect(plain.endpoint == .unix(path: "/run/redis@1/redis.sock"))
    #expect(plain.user == nil && plain.password == nil && plain.database == 3)
    let login = try RedisAddress("redis+unix://app:p@/run/redis.sock")
    #expect(login.endpoint == .unix(path: "/run/redis.sock"))
    #expect(login.user == "app" && login.password == "p" && login.database == 0)
  }

  @Test func `Every part of an address over sentinels is taken`() throws {
    let plain = try RedisAddress("redis+sentinel://one,10.0.0.2:5000,[fd00::3],[::1]:1/main")
    let hosts = [("one", 26379), ("10.0.0.2", 5000), ("fd00::3", 26379), ("::1", 1)]
    let expected = hosts.map { RedisAddress.Host(name: $0.0, port: $0.1) }
    #expect(plain.endpoint == .sentinels(expected, name: "main"))
    #expect(plain.user == nil && plain.password == nil && plain.database == 0)
    #expect(plain.description == "redis+sentinel://one:26379,10.0.0.2:5000,[fd00::3]:26379,[::1]:1/main/0")
    let login = try RedisAddress("redis+sentinel://app:s3,cr/et@one/my%2Fmain/3")
    #expect(login.endpoint == .sentinels([.init(name: "one", port: 26379)], name: "my/main"))
    #expect(login.user == "app" && login.password == "s3,cr/et" && login.database == 3)
    #expect(!"\(login)".contains("s3"))
  }

  @Test func `Every part of a cluster's address is taken`() throws {
    let plain = try RedisAddress("redis+cluster://one,10.0.0.2:5000,[fd00::3]")
    let hosts = [("one", 6379), ("10.0.0.2", 5000), ("fd00::3", 6379)].map { RedisAddress.Host(name: $0.0, port: $0.1) }
    #expect(plain.endpoint == .cluster(hosts) && plain.database == 0 && plain.tls == nil)
    #expect(plain.description == "redis+cluster://one:6379,10.0.0.2:5000,[fd00::3]:6379")
    let login = try RedisAddress("rediss+cluster://app:s3cret@one/0")
    #expect(login.user == "app" && login.password == "s3cret" && login.tls == RedisTLS())
    #expect(login.description == "rediss+cluster://app:***@one:6379")
  }

  @Test func `User and password are percent-decoded`() throws {
    let address = try RedisAddress("redis://a%40b:p%3Aq%2F%25%C3%A9@host")
    #expect(address.user == "a@b" && address.password == "p:q/%é")
  }

  @Test func `A password may hold what should have been encoded`() throws {
    let address = try RedisAddress("redis://:pa/ss@wo:rd@host:1")
    #expect(address.endpoint == .tcp(host: "host", port: 1))
    #expect(address.user == nil && address.password == "pa/ss@wo:rd")
  }

  @Test func `The password can be set apart from the URL`() throws {
    var address = try RedisAddress("redis://app@host")
    #expect(address.user == "app" && address.password == nil)
    address.password = "from elsewhere"
    #expect(address.description == "redis://app:***@host:6379/0")
  }

  @Test func `No description shows a password`() throws {
    let address = try RedisAddress("redis://:s3cret@host")
    #expect("\(address)" == "redis://:***@host:6379/0")
    #expect(String(reflecting: address) == "redis://:***@host:6379/0")
    #expect("\(try RedisAddress("redis+unix://u:s3cret@/s"))" == "redis+unix://u:***@/s?db=0")
  }

  @Test func `The scheme rediss means TLS, and is shown`() throws {
    let address = try RedisAddress("rediss://app:s3cret@cache.example/2")
    #expect(address.endpoint == .tcp(host: "cache.example", port: 6379) && address.database == 2)
    #expect(address.tls == RedisTLS())
    #expect("\(address)" == "rediss://app:***@cache.example:6379/2")
    #expect("\(try RedisAddress("REDISS://[::1]:7000"))" == "rediss://[::1]:7000/0")
    #expect(try RedisAddress("redis://host").tls == nil)
  }

  @Test(arguments: [
    "redis://user:s3cret", "redis://host:6379/0?password=s3cret", "redis+unix:///run/s?db=0&password=s3cret",
    "redis+unix:///run/s?password=s3cret", "redis://host:6379/s3cret", "redis+sentinel://user:s3cret",
    "redis+sentinel://user:s3cret,b/main", "redis+sentinel://a/main?password=s3cret",
    "redis+sentinel://a/main/0?password=s3cret", "redis+cluster://user:s3cret,b", "redis+cluster://a,b/s3cret",
  ])
  func `No error shows what may be a password`(url: String) {
    let error = #expect(throws: RedisAddressError.self) { try RedisAddress(url) }
    #expect(error?.description.contains("s3cret") == false)
  }

  @Test(arguments: [
    ("http://host", "redis://"), ("rediss://", "needs a host"), ("host:6379", "begins with"),
    ("redis://", "needs a host"), ("redis://:6379", "needs a host"), ("redis://::1", "brackets"),
    ("redis://host:0", "port"), ("redis://host:65536", "port"), ("redis://host:x", "port"),
    ("redis://host/x", "database"), ("redis://host/-1", "database"), ("redis://[::1", "brackets"),
    ("redis://a%4:b@host", "%25"), ("redis://a%+1:b@host", "%25"), ("redis://a:%ff@host", "%25"),
    ("redis+unix://", "absolute path"), ("redis+unix://run/s", "absolute path"), ("redis+unix:///", "absolute path"),
    ("redis+unix:///s?n=1", "db=n"), ("redis+unix:///s?db=x", "database"),
    ("redis+sentinel://", "needs a host"), ("redis+sentinel://a,,b/main", "needs a host"),
    ("redis+sentinel://a", "sentinel monitor NAME"), ("redis+sentinel://a/", "sentinel monitor NAME"),
    ("redis+sentinel://a/m n", "sentinel monitor NAME"), ("redis+sentinel://a/%4", "%25"),
    ("redis+sentinel://a:x/main", "port"), ("redis+sentinel://a/main/x", "database"),
    ("redis+sentinel://a,b,a:26379/main", "a:26379 is there twice"), ("redis+sentinel://::1/main", "brackets"),
    ("redis+cluster://", "needs a host"), ("redis+cluster://a,", "needs a host"), ("redis+cluster://a/1", "database 0"),
    ("redis+cluster://a,a:6379", "a:6379 is there twice"), ("redis+cluster://a/main", "database"),
    ("redis+unix:///" + String(repeating: "x", count: 107), "107 bytes"),
  ])
  func `What is wrong is refused with a sentence that says so`(url: String, hint: String) {
    let error = #expect(throws: RedisAddressError.self) { try RedisAddress(url) }
    #expect(error?.description.contains(hint) == true)
  }
}
