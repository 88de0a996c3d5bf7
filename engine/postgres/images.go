package postgres

import (
	"slices"
	"strconv"
)

// extensionImage names the image that carries an extension the plain postgres image
// lacks. The first one of a dump's extensions that is listed decides.
type extensionImage struct {
	extension string
	image     func(major string) string
}

var extensionImages = []extensionImage{
	{"timescaledb", func(m string) string { return "timescale/timescaledb:latest-pg" + m }},
	{"postgis", postgis},
	{"postgis_topology", postgis},
	{"postgis_raster", postgis},
	{"postgis_sfcgal", postgis},
	{"postgis_tiger_geocoder", postgis},
	{"address_standardizer", postgis},
	{"vector", func(m string) string { return "pgvector/pgvector:pg" + m }},
}

// postgis is the image of the newest PostGIS that supports a PostgreSQL version.
func postgis(major string) string {
	switch major {
	case "9", "9.6":
		return "postgis/postgis:9.6-3.2"
	case "10":
		return "postgis/postgis:10-3.2"
	case "11":
		return "postgis/postgis:11-3.3"
	case "18":
		return "postgis/postgis:18-3.6"
	}
	return "postgis/postgis:" + major + "-3.5"
}

// preloaded extensions work only when their library is loaded as the server starts.
var preloaded = []string{"timescaledb", "pg_cron", "citus", "pg_stat_statements", "pgaudit"}

// imageFor proposes an image for a server of a major version with extensions.
func imageFor(major int, extensions []string) string {
	for _, e := range extensionImages {
		if slices.Contains(extensions, e.extension) {
			return e.image(tagOf(major))
		}
	}
	return "postgres:" + tagOf(major)
}

// imageWith is the known image that carries one extension; empty when none is known.
func imageWith(extension string, major int) string {
	for _, e := range extensionImages {
		if e.extension == extension {
			return e.image(tagOf(major))
		}
	}
	return ""
}

// tagOf is how images name a major version: 9.6 was the last whose name has two parts.
func tagOf(major int) string {
	if major == 9 {
		return "9.6"
	}
	return strconv.Itoa(major)
}
