from dev.images.pip_settings import configuration, parse


def test_the_environment_wins_over_files_and_later_lines_over_earlier() -> None:
    listing = """\
:env:.default-timeout='30'
:env:.index-url='https://env.example/simple'
global.index-url='https://global.example/simple'
user.timeout='99'
"""
    assert parse(listing) == {"timeout": "30", "index-url": "https://env.example/simple"}


def test_several_addresses_in_one_setting_stay_several() -> None:
    listing = "global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'\n"
    assert parse(listing)["extra-index-url"].split() == ["https://a.example/simple", "https://b.example/simple"]


def test_a_build_gets_the_way_to_packages_and_nothing_else_of_a_persons_settings() -> None:
    settings = {"index-url": "https://a.example/simple", "user": "true", "cert": "/here.pem", "find-links": "/here"}
    written = configuration(settings, links=False)
    assert "index-url = https://a.example/simple" in written
    assert "cert = /etc/ssl/certs/ca-certificates.crt" in written
    assert "user" not in written
    assert "/here" not in written


def test_local_packages_are_named_where_the_build_sees_them() -> None:
    assert "find-links = /var/lib/pip-links" in configuration({"find-links": "/here"}, links=True)
