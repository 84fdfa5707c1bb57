"""An invented register: the agencies of real divisions over five years, and how their reports print their names.

``USUAL`` are the ways of printing that the rules of agencies/matching.yaml were written for. ``RARE`` were written after the
rules and measured before the rules learnt some of them. ``HELD_APART`` were written last: the rules were not changed for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import opencc

from codebook.divisions import Region, parent_code
from codebook.regions import load_regions

YEARS = range(2017, 2022)
_SYLLABLES = "青白柳石马龙凤双永新清长安太和兴福乐仁义文武黄松竹梅桃杨槐枣桑荷莲云锦虹霞"
_ENDINGS = "山河桥店岭湖泉溪坪塘庄堡寨浦渡湾堰坝林岗洲坡井沟营集关"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_OF_COUNTY = _words(
    """
    教育局 财政局 民政局 司法局 审计局 统计局 信访局 水利局 公安局 人力资源和社会保障局
    住房和城乡建设局 交通运输局 城市管理局 科学技术局 工业和信息化局 发展和改革局 行政审批局
    机关事务管理局 民族宗教事务局 人民防空办公室 档案局 综合行政执法局 投资促进局 商务局 残疾人联合会
    供销合作社联合社
    """
)
_OF_CITY = _words(
    """
    教育局 财政局 民政局 司法局 审计局 统计局 水务局 公安局 人力资源和社会保障局 住房和城乡建设局
    交通运输局 城市管理委员会 科学技术局 工业和信息化局 发展和改革委员会 国有资产监督管理委员会 体育局
    外事办公室 住房公积金管理中心 政务服务中心 金融工作办公室 民族宗教事务委员会 烟草专卖局 总工会
    """
)
_OF_PROVINCE = _words(
    """
    教育厅 财政厅 民政厅 司法厅 水利厅 审计厅 统计局 公安厅 人力资源和社会保障厅 住房和城乡建设厅
    交通运输厅 科学技术厅 工业和信息化厅 发展和改革委员会 国有资产监督管理委员会 体育局 药品监督管理局
    信访局 人民防空办公室 知识产权局
    """
)


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """Return the other words of each line by its first."""
    return {first: tuple(others) for first, *others in map(str.split, text.strip().splitlines())}


# The reform of 2018: who reports from 2018 or 2019 on, and who until then.
_REFORMS = _table(
    """
    自然资源和规划局 国土资源局
    生态环境局 环境保护局
    农业农村局 农业局
    卫生健康局 卫生和计划生育局
    文化广电和旅游局 文化广电新闻出版局 旅游局
    市场监督管理局 工商行政管理局 质量技术监督局 食品药品监督管理局
    应急管理局 安全生产监督管理局
    税务局 国家税务局 地方税务局
    """
)
_NEW_IN_2018 = ("医疗保障局", "退役军人事务局")
_ZONES = ("经济技术开发区", "经济开发区", "高新技术产业开发区", "现代农业产业园区", "旅游度假区")
_SCHOOLS = (
    "第一中学",
    "第二中学",
    "实验小学",
    "职业技术学校",
    "人民医院",
    "中医院",
    "疾病预防控制中心",
    "气象局",
    "消防救援大队",
    "融媒体中心",
)


@dataclass(frozen=True)
class Body:
    """An agency: ``official`` is its name without region.

    ``kind`` is of the generator: seat, office, bureau, town, street, zone, other.
    """

    number: int
    region: Region
    official: str
    kind: str
    years: tuple[int, ...]

    @property
    def name(self) -> str:
        """The full name as it is officially printed."""
        chain = self.region.chain
        below_city = len(chain) > 2 and not chain[-1].endswith("市")
        tax = self.official.endswith("税务局") and self.official == "税务局"
        return ("国家税务总局" if tax else "") + (chain[-2] if below_city else "") + chain[-1] + self.official


@dataclass(frozen=True)
class Printed:
    """How a report on a year prints its agency, and the region that was read from it."""

    body: Body
    year: int
    name: str
    region_code: str | None
    way: str


def _town(rng: Random) -> str:
    return rng.choice(_SYLLABLES) + rng.choice(_ENDINGS)


def _bodies(rng: Random, region: Region, bureaus: tuple[str, ...], towns: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    always = tuple(YEARS)
    seat = "行政公署" if region.chain[-1].endswith(("地区", "盟")) else "人民政府"
    yield seat, "seat", always
    yield f"{seat}办公室", "office", always
    for bureau in rng.sample(bureaus, k=min(len(bureaus), rng.randrange(17, 24))):
        yield bureau, "bureau", always
    level = "厅" if len(region.chain) == 1 else "局"
    for new, olds in _REFORMS.items():
        since = rng.choice((2018, 2019))
        for old in olds:
            if rng.random() < 0.4:
                yield old[:-1] + level, "bureau", tuple(y for y in always if y < since)
        yield new[:-1] + (level if new != "税务局" else "局"), "bureau", tuple(y for y in always if y >= since)
    for new in _NEW_IN_2018:
        yield new, "bureau", tuple(y for y in always if y >= 2019)
    names = list(dict.fromkeys(_town(rng) for _ in range(towns * 2)))[:towns]
    for name in names:
        kind = rng.choice(("town", "town", "town", "street"))
        yield name + ("街道办事处" if kind == "street" else rng.choice(("镇", "镇", "乡")) + "人民政府"), kind, always
    for zone in rng.sample(_ZONES, k=rng.choice((0, 1, 1, 2))):
        yield f"{zone}管理委员会", "zone", always
    for other in rng.sample(_SCHOOLS, k=rng.randrange(2, 5)) if towns else ():
        yield other, "other", always


def make_register(seed: int, size: int = 3000) -> list[Body]:
    """Return ``size`` agencies: two provinces, some cities with counties of each, and counties that share names or ceased."""
    rng, regions = Random(seed), load_regions().all
    cities = [r for r in regions if len(r.chain) == 2 and r.code[4:] == "00"]
    found: list[Body] = []
    for region in rng.sample([r for r in regions if len(r.chain) == 1 and r.code[:2] < "70"], k=2):
        for official, kind, years in _bodies(rng, region, _OF_PROVINCE, 0):
            found.append(Body(len(found), region, official, kind, years))
    rng.shuffle(cities)
    autonomous = [city for city in cities if city.chain[-1].endswith("自治州")]
    for city in [*autonomous[:2], *cities]:
        if any(body.region == city for body in found):
            continue
        counties = [r for r in regions if parent_code(r.code) == city.code]
        for region in [city, *rng.sample(counties, k=min(4, len(counties)))]:
            for official, kind, years in _bodies(
                rng, region, _OF_CITY if region == city else _OF_COUNTY, 0 if region == city else 9
            ):
                if years:
                    found.append(Body(len(found), region, official, kind, years))
        if len(found) >= size:
            break
    return found[:size]


# ---- ways to print a name: each returns None where it does not fit --------------------------------

Way = Callable[[Body, Random], str | None]


@cache
def _traditional() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")


def _short(name: str) -> str:
    return load_regions().spellings(name)[1] or name


def _short_region(body: Body) -> str:
    return _short(body.region.chain[-1])


def _whole_chain(body: Body, rng: Random) -> str | None:
    return "".join(body.region.chain) + body.official


def _lowest(body: Body, rng: Random) -> str | None:
    return body.region.chain[-1] + body.official


def _province_short(body: Body, rng: Random) -> str | None:
    return _short(body.region.chain[0]) + body.region.chain[-1] + body.official if len(body.region.chain) > 1 else None


def _body_alone(body: Body, rng: Random) -> str | None:
    return body.official if body.kind in ("bureau", "town", "street") else None


def _relative(body: Body, rng: Random) -> str | None:
    kind = body.region.chain[-1][-1]
    alone = kind in "县旗" or (kind == "市" and len(body.region.chain) == 2)
    return kind + body.official if alone and body.kind in ("bureau", "seat", "office") and body.official in _KNOWN else None


_KNOWN = {*_OF_COUNTY, *_OF_CITY, "人民政府", "人民政府办公室"} - {
    "残疾人联合会",
    "供销合作社联合社",
    "住房公积金管理中心",
    "政务服务中心",
    "总工会",
}
_SHORT = _table(
    """
    发展和改革局 发改局 发展改革局
    发展和改革委员会 发改委 发展改革委
    人力资源和社会保障局 人社局 人力资源社会保障局
    人力资源和社会保障厅 人社厅
    住房和城乡建设局 住建局 住房城乡建设局
    住房和城乡建设厅 住建厅 住房城乡建设厅
    城市管理局 城管局
    科学技术局 科技局
    科学技术厅 科技厅
    工业和信息化局 工信局 工业信息化局
    工业和信息化厅 工信厅
    自然资源和规划局 自然资源规划局 自规局 资规局
    国有资产监督管理委员会 国资委
    卫生健康局 卫健局
    卫生和计划生育局 卫计局 卫生计生局
    文化广电和旅游局 文广旅局 文化广电旅游局
    市场监督管理局 市场监管局 市监局
    应急管理局 应急局
    安全生产监督管理局 安监局
    环境保护局 环保局
    医疗保障局 医保局
    国土资源局 国土局
    食品药品监督管理局 食药监局
    质量技术监督局 质监局
    工商行政管理局 工商局
    国家税务局 国税局
    地方税务局 地税局
    民族宗教事务局 民宗局
    民族宗教事务委员会 民宗委
    退役军人事务局 退役军人局
    外事办公室 外事办
    人民防空办公室 人防办
    残疾人联合会 残联
    住房公积金管理中心 公积金中心
    金融工作办公室 金融办
    城市管理委员会 城管委
    疾病预防控制中心 疾控中心
    """
)


def _short_body(body: Body, rng: Random) -> str | None:
    shorts = _SHORT.get(body.official)
    return body.region.chain[-1] + rng.choice(shorts) if shorts else None


def _place_alone(body: Body, rng: Random) -> str | None:
    if body.kind == "seat":
        return body.region.chain[-1]
    ends = {"town": "人民政府", "street": "办事处", "zone": "管理委员会"}
    return body.region.chain[-1] + body.official.removesuffix(ends[body.kind]) if body.kind in ends else None


def _short_government(body: Body, rng: Random) -> str | None:
    if "人民政府" not in body.official:
        return body.region.chain[-1] + body.official.replace("管理委员会", "管委会") if body.kind == "zone" else None
    return body.region.chain[-1] + body.official.replace("人民政府办公室", "政府办").replace("人民政府", "政府")


def _street_office(body: Body, rng: Random) -> str | None:
    return body.region.chain[-1] + body.official.replace("办事处", "办") if body.kind == "street" else None


def _owner(body: Body, rng: Random) -> str | None:
    return f"{body.region.chain[-1]}人民政府{body.official}" if body.kind == "street" else None


def _autonomous(body: Body, rng: Random) -> str | None:
    forms = load_regions().spellings(body.region.chain[-1])[0][1:]
    return rng.choice(forms) + body.official if forms else None


def _in_traditional(body: Body, rng: Random) -> str | None:
    return _traditional().convert(body.name)


def _spaced(body: Body, rng: Random) -> str | None:
    return rng.choice(("\u3000".join(body.name), body.name + "。", f"“{body.name}”", " ".join(body.name)))


def _own_level(body: Body, rng: Random) -> str | None:
    return body.name + rng.choice(("（本级）", "(本级机关)")) if body.kind == "bureau" else None


def _zone_short(body: Body, rng: Random) -> str | None:
    return (
        _short_region(body) + body.official.replace("管理委员会", rng.choice(("", "管委会", "管理委员会")))
        if body.kind == "zone"
        else None
    )


def _tax(body: Body, rng: Random) -> str | None:
    return body.name.removeprefix("国家税务总局") if body.name.startswith("国家税务总局") else None


USUAL: dict[str, Way] = {
    way.__name__.strip("_"): way
    for way in (
        _whole_chain,
        _lowest,
        _province_short,
        _body_alone,
        _relative,
        _short_body,
        _place_alone,
        _short_government,
        _street_office,
        _owner,
        _autonomous,
        _in_traditional,
        _spaced,
        _own_level,
        _zone_short,
        _tax,
    )
}

# ---- rare ways -------------------------------------------------------

_RARE = _table(
    """
    行政审批局 审批局
    机关事务管理局 机管局 机关事务局
    交通运输局 交通局 交运局
    供销合作社联合社 供销社 供销联社
    综合行政执法局 综合执法局 执法局
    市场监督管理局 市场监督局
    人力资源和社会保障局 人力社保局 人力资源社保局
    自然资源和规划局 自然规划局
    文化广电和旅游局 文广旅游局 文旅局
    投资促进局 投促局
    退役军人事务局 退役局 退役军人事务管理局
    卫生健康局 卫生健康委员会
    国有资产监督管理委员会 国资监管委
    安全生产监督管理局 安全监管局
    金融工作办公室 金融工作局
    农业农村局 农业和农村局
    生态环境局 环境局
    烟草专卖局 烟草局
    住房公积金管理中心 公积金管理中心
    总工会 工会
    科学技术局 科学和技术局
    """
)


def _rare_body(body: Body, rng: Random) -> str | None:
    shorts = _RARE.get(body.official)
    return body.region.chain[-1] + rng.choice(shorts) if shorts else None


def _without_city(body: Body, rng: Random) -> str | None:
    return body.region.chain[0] + body.region.chain[-1] + body.official if len(body.region.chain) > 2 else None


def _city_short(body: Body, rng: Random) -> str | None:
    return _short(body.region.chain[1]) + body.region.chain[-1] + body.official if len(body.region.chain) > 2 else None


def _dotted(body: Body, rng: Random) -> str | None:
    return body.region.chain[-1] + rng.choice(("·", "-", "—", "：", " ")) + body.official


def _relative_short(body: Body, rng: Random) -> str | None:
    kind, shorts = body.region.chain[-1][-1], _SHORT.get(body.official)
    return kind + rng.choice(shorts) if shorts and (kind in "县旗" or len(body.region.chain) == 2) else None


def _bare_short(body: Body, rng: Random) -> str | None:
    shorts = _SHORT.get(body.official)
    return rng.choice(shorts) if shorts else None


def _chain_short(body: Body, rng: Random) -> str | None:
    shorts = _SHORT.get(body.official)
    return "".join(body.region.chain) + rng.choice(shorts) if shorts else None


def _region_short(body: Body, rng: Random) -> str | None:
    shorts = (*_SHORT.get(body.official, ()), body.official)
    return _short_region(body) + rng.choice(shorts) if body.kind == "bureau" else None


def _of_the_government(body: Body, rng: Random) -> str | None:
    return f"{body.region.chain[-1]}人民政府{body.official}" if body.kind == "bureau" else None


def _town_of_government(body: Body, rng: Random) -> str | None:
    return f"{body.region.chain[-1]}人民政府{body.official}" if body.kind == "town" else None


def _town_bare(body: Body, rng: Random) -> str | None:
    return body.official.replace("人民政府", rng.choice(("", "政府"))) if body.kind in ("town", "street") else None


def _town_in_chain(body: Body, rng: Random) -> str | None:
    return "".join(body.region.chain[1:]) + body.official.removesuffix("人民政府") if body.kind == "town" else None


def _street_committee(body: Body, rng: Random) -> str | None:
    return body.region.chain[-1] + body.official.replace("街道办事处", "办事处") if body.kind == "street" else None


def _office_rare(body: Body, rng: Random) -> str | None:
    return (
        body.region.chain[-1] + rng.choice(("政府办公厅", "人民政府办", "政府办公室"))
        if body.official == "人民政府办公室"
        else None
    )


def _zone_chain(body: Body, rng: Random) -> str | None:
    return "".join(body.region.chain) + body.official.replace("管理委员会", "管委会") if body.kind == "zone" else None


def _zone_national(body: Body, rng: Random) -> str | None:
    return _short_region(body) + "国家级" + body.official if body.kind == "zone" else None


def _zone_rare(body: Body, rng: Random) -> str | None:
    short = {"经济技术": "经开区", "经济开发": "经开区", "高新技术": "高新区"}.get(body.official[:4])
    return _short_region(body) + short + rng.choice(("", "管委会")) if short and body.kind == "zone" else None


def _signboard(body: Body, rng: Random) -> str | None:
    return body.name + rng.choice(("（林业局）", "（知识产权局）", "(数据局)")) if body.kind == "bureau" else None


def _seat_rare(body: Body, rng: Random) -> str | None:
    return (
        rng.choice(("".join(body.region.chain), "".join(body.region.chain[-2:]) + "政府", _short_region(body)))
        if body.kind == "seat"
        else None
    )


def _traditional_short(body: Body, rng: Random) -> str | None:
    shorts = _SHORT.get(body.official)
    return _traditional().convert(body.region.chain[-1] + rng.choice(shorts)) if shorts else None


# ---- and more of them -----------------------------------------------------------


def _province_city_short(body: Body, rng: Random) -> str | None:
    chain = body.region.chain
    return _short(chain[0]) + _short(chain[1]) + chain[2] + body.official if len(chain) > 2 else None


def _town_behind_short(body: Body, rng: Random) -> str | None:
    return _short_region(body) + body.official.removesuffix("人民政府") if body.kind == "town" else None


def _street_in_chain(body: Body, rng: Random) -> str | None:
    return "".join(body.region.chain) + body.official.removesuffix("办事处") if body.kind == "street" else None


def _bureau_itself(body: Body, rng: Random) -> str | None:
    return (
        body.region.chain[-1] + body.official + rng.choice(("机关", "机关本级", "（机关本部）"))
        if body.kind == "bureau"
        else None
    )


def _short_of_government(body: Body, rng: Random) -> str | None:
    shorts = _SHORT.get(body.official)
    return f"{body.region.chain[-1]}政府{rng.choice(shorts)}" if shorts else None


def _region_twice(body: Body, rng: Random) -> str | None:
    return body.region.chain[-1] * 2 + body.official


def _province_and_zone(body: Body, rng: Random) -> str | None:
    return (
        _short(body.region.chain[0]) + _short_region(body) + body.official.replace("管理委员会", "")
        if body.kind == "zone"
        else None
    )


def _tax_of_city(body: Body, rng: Random) -> str | None:
    return "国家税务总局" + "".join(body.region.chain[1:]) + body.official if body.official == "税务局" else None


def _invisible(body: Body, rng: Random) -> str | None:
    return rng.choice(("\u200b", "\xa0", "\ufeff")).join(body.name)


def _office_itself(body: Body, rng: Random) -> str | None:
    return f"{body.name}（本级）" if body.kind == "office" else None


def _party_group(body: Body, rng: Random) -> str | None:
    return f"中共{body.region.chain[-1]}{body.official}党组" if body.kind == "bureau" else None


_SCHOOL_SHORT = {"第一中学": "一中", "第二中学": "二中", "实验小学": "实小", "中医院": "中医医院", "职业技术学校": "职校"}


def _institution_short(body: Body, rng: Random) -> str | None:
    short = _SCHOOL_SHORT.get(body.official)
    return body.region.chain[-1] + short if short else None


def _province_department(body: Body, rng: Random) -> str | None:
    return _short(body.region.chain[0]) + body.official if len(body.region.chain) == 1 and body.kind == "bureau" else None


def _with_yu(body: Body, rng: Random) -> str | None:
    return (
        body.region.chain[-1] + body.official.replace("和", rng.choice("与及"))
        if "和" in body.official and body.kind == "bureau"
        else None
    )


def _office_of_bureau(body: Body, rng: Random) -> str | None:
    return body.name + "办公室" if body.kind == "bureau" else None


def _street_shortest(body: Body, rng: Random) -> str | None:
    return body.region.chain[-1] + body.official.replace("街道办事处", "街办") if body.kind == "street" else None


def _zone_and_party(body: Body, rng: Random) -> str | None:
    return body.region.chain[-1] + body.official.replace("管理委员会", "党工委管委会") if body.kind == "zone" else None


def _school_in_full(body: Body, rng: Random) -> str | None:
    return "".join(body.region.chain[1:]) + body.official + "校" if body.official.endswith("中学") else None


def _short_and_full(body: Body, rng: Random) -> str | None:
    shorts = _SHORT.get(body.official)
    return f"{body.region.chain[-1]}{rng.choice(shorts)}（{body.official}）" if shorts else None


def _town_itself(body: Body, rng: Random) -> str | None:
    return body.name + rng.choice(("机关", "（本级）")) if body.kind == "town" else None


def _seat_and_office(body: Body, rng: Random) -> str | None:
    return f"{body.name}（{body.region.chain[-1]}人民政府办公室）" if body.kind == "seat" else None


def _province_of_government(body: Body, rng: Random) -> str | None:
    return f"{body.region.chain[0]}人民政府{body.official}" if len(body.region.chain) == 1 and body.kind == "bureau" else None


def _tax_behind_short(body: Body, rng: Random) -> str | None:
    return "国家税务总局" + _short_region(body) + "税务局" if body.official == "税务局" else None


RARE: dict[str, Way] = {
    way.__name__.strip("_"): way
    for way in (
        _rare_body,
        _without_city,
        _city_short,
        _dotted,
        _relative_short,
        _bare_short,
        _chain_short,
        _region_short,
        _of_the_government,
        _town_of_government,
        _town_bare,
        _town_in_chain,
        _street_committee,
        _office_rare,
        _zone_chain,
        _zone_national,
        _zone_rare,
        _signboard,
        _seat_rare,
        _traditional_short,
        _province_city_short,
        _town_behind_short,
        _street_in_chain,
        _bureau_itself,
        _short_of_government,
        _region_twice,
        _province_and_zone,
        _tax_of_city,
        _invisible,
        _office_itself,
        _party_group,
        _institution_short,
        _province_department,
        _with_yu,
        _office_of_bureau,
        _street_shortest,
        _zone_and_party,
        _school_in_full,
        _short_and_full,
        _town_itself,
        _seat_and_office,
        _province_of_government,
        _tax_behind_short,
    )
}

# ---- ways that were written last and measured: the rules were not changed after it --------------------------------------------


def _relative_sign(body: Body, rng: Random) -> str | None:
    kind = body.region.chain[-1][-1]
    sign = rng.choice(("粮食和物资储备局", "中医药管理局", "新闻出版局", "委教育工委"))
    return f"{body.name}（{kind}{sign}）" if body.kind == "bureau" and rng.random() < 0.3 else None


def _town_office(body: Body, rng: Random) -> str | None:
    return (
        body.name.removesuffix("人民政府") + rng.choice(("党政办公室", "党政综合办公室", "党政办"))
        if body.kind == "town"
        else None
    )


def _town_and_party(body: Body, rng: Random) -> str | None:
    return body.name.replace("人民政府", "党委、" + body.official[-5] + "政府") if body.kind == "town" else None


def _street_and_party(body: Body, rng: Random) -> str | None:
    return body.name.replace("办事处", "党工委、办事处") if body.kind == "street" else None


def _zone_office(body: Body, rng: Random) -> str | None:
    return body.name.replace("管理委员会", "管委会" + rng.choice(("办公室", "党政办公室"))) if body.kind == "zone" else None


def _school_sign(body: Body, rng: Random) -> str | None:
    return f"{body.name}（{_short_region(body)}高级中学）" if body.official.endswith("中学") else None


def _marked(body: Body, rng: Random) -> str | None:
    return rng.choice((f"{body.name}：", f"【{body.name}】", f"《{body.name}》", f"*{body.name}", f"{body.name}()"))


HELD_APART: dict[str, Way] = {
    way.__name__.strip("_"): way
    for way in (_relative_sign, _town_office, _town_and_party, _street_and_party, _zone_office, _school_sign, _marked)
}

_OCR = {"和": "知", "资": "咨", "源": "原", "障": "彰", "管": "菅", "规": "观", "改": "攻", "息": "恩"}


def _damaged(rng: Random, name: str, code: str) -> tuple[str, str | None, str]:
    """One name in a thousand is misprinted, one in a thousand has no region, one in a thousand that of the city above.

    Only a name that begins with a place keeps the wrong region from making it another agency's: 司法局 in the folder of the city
    cannot be distinguished from the city's.
    """
    chance = rng.random()
    if chance < 0.001:
        places = [at for at, char in enumerate(name) if char in _OCR]
        if places:
            at = rng.choice(places)
            return name[:at] + _OCR[name[at]] + name[at + 1 :], code, "misprinted"
    if chance < 0.002:
        return name, None, "no_region"
    if chance < 0.003 and load_regions().read(name).end:
        return name, parent_code(code), "region_above"
    return name, code, ""


def print_names(
    register: list[Body], ways: dict[str, Way], seed: int, share: float = 0.45, damage: bool = True
) -> Iterator[Printed]:
    """Yield a name for each agency and year of its life: the official one, or with the chance of ``share`` another way."""
    rng = Random(seed)
    for body in register:
        for year in body.years:
            name, used = body.name, "official"
            if rng.random() < share:
                fitting = [(way, printed) for way, make in ways.items() if (printed := make(body, rng)) is not None]
                used, name = rng.choice(fitting) if fitting else (used, name)
            name, code, harm = _damaged(rng, name, body.region.code) if damage else (name, body.region.code, "")
            yield Printed(body, year, name, code, harm or used)
