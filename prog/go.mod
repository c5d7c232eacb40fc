module prog
go 1.19
require github.com/nanopack/pulse v0.0.0
require github.com/jcelliott/lumber v0.0.0
replace github.com/nanopack/pulse => ../pulse
replace github.com/jcelliott/lumber => ../lumber
