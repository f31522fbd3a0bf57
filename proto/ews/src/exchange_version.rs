use crate::xml::open_enum;

open_enum! {
    /// `t:ExchangeVersionType`: versions that are legal in a request.
    #[derive(Default)]
    pub enum ExchangeVersion {
        Exchange2007,
        Exchange2007Sp1 = "Exchange2007_SP1",
        Exchange2009,
        Exchange2010,
        Exchange2010Sp1 = "Exchange2010_SP1",
        Exchange2010Sp2 = "Exchange2010_SP2",
        Exchange2012,
        Exchange2013,
        /// The newest that every on-premises server since 2013 SP1 accepts.
        #[default]
        Exchange2013Sp1 = "Exchange2013_SP1",
        Exchange2015,
        Exchange2016,
        V2015_10_05,
        V2016_01_06,
        V2016_04_13,
        V2016_07_13,
        V2016_10_10,
        V2017_01_07,
        V2017_04_14,
        V2017_07_11,
    }
}
